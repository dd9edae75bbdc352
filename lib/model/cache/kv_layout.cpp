// SPDX-License-Identifier: Apache-2.0
#include "model/cache/kv_layout.h"

#include <algorithm>

#include "core/checks.h"
#include "transom/error.h"

namespace transom::model {

namespace {

// A reservation of more than this is a mistake in a configuration, not a wish.
constexpr std::int64_t kMaxCacheBytes = std::int64_t{1} << 46;
// The oldest token that a log stride sees in a text without bound.
constexpr std::int64_t kOldestSeen = std::int64_t{1} << 24;
// Large enough that the rows of a head are a stream of many pages, small enough that what a fork copies of a
// text is little: 4 key tiles of attention.
constexpr std::int64_t kBlockSlots = 256;

/// Without the slots of a block.
backend::KvCacheView layer_layout(const ModelSpec& spec, const LayerSpec& layer, DType dtype,
                                  std::int64_t context, std::int64_t chunk) {
  backend::KvCacheView view;
  std::int64_t capacity = context;
  if (!layer.keeps_all()) {
    // Where the ring would be no shorter than the context, a slot for each position serves; the sinks stay
    // visible.
    capacity = std::min(context, layer.sinks + std::min(layer.window, context) - 1 + chunk);
    view.sinks = std::min(layer.sinks, capacity - 1);
  }
  if (layer.pattern == AttentionPattern::log_stride) {
    view.level_slots = std::min(layer.window, context) + (chunk + 1) / 2;
    while (layer.window << view.levels < std::min(context, kOldestSeen)) ++view.levels;
    capacity += view.levels * view.level_slots;
  }
  const std::int64_t row = spec.n_kv_heads * backend::kv_row_bytes(dtype, spec.head_dim);
  if (capacity > kMaxCacheBytes / row) {
    throw OutOfMemory(core::message("a KV cache of ", capacity,
                                    " positions is out of reach; set max_context or ", "attention_window"));
  }
  view.keys = view.values =
      core::TensorView::dense(nullptr, dtype, {spec.n_kv_heads, capacity, spec.head_dim});
  return view;
}

}  // namespace

std::vector<backend::KvCacheView> kv_layouts(const ModelSpec& spec, DType dtype, std::int64_t context,
                                             std::int64_t chunk) {
  std::vector<backend::KvCacheView> layers;
  std::int64_t largest = 0;
  for (const LayerSpec& layer : spec.layers) {
    layers.push_back(layer_layout(spec, layer, dtype, context, chunk));
    largest = std::max(largest, layers.back().keys.extent[1]);
  }
  std::int64_t slots = backend::kLeastBlockSlots;
  while (slots < std::min(kBlockSlots, largest)) slots *= 2;
  for (backend::KvCacheView& layer : layers) layer.block_slots = slots;
  return layers;
}

}  // namespace transom::model
