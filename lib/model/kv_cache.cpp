// SPDX-License-Identifier: Apache-2.0
#include "model/kv_cache.h"

#include <algorithm>

#include "core/checks.h"
#include "transom/error.h"

namespace transom::model {

using core::TensorView;

namespace {

// A reservation of more than this is a mistake in a configuration, not a wish.
constexpr std::int64_t kMaxCacheBytes = std::int64_t{1} << 46;

}  // namespace

KvCache::KvCache(const ModelSpec& spec, DType dtype, std::int64_t context, std::int64_t chunk,
                 backend::Backend& backend)
    : spec_(spec) {
  for (const LayerSpec& layer : spec.layers) {
    std::int64_t capacity = context, sinks = 0;
    if (layer.window > 0) {
      // Where the ring would be no shorter than the context, a slot for each position serves; the sinks stay
      // visible.
      capacity = std::min(context, spec.attention_sinks + std::min(layer.window, context) - 1 + chunk);
      sinks = std::min(spec.attention_sinks, capacity - 1);
    }
    const std::int64_t row = spec.n_kv_heads * spec.head_dim * static_cast<std::int64_t>(dtype_size(dtype));
    if (capacity > kMaxCacheBytes / row) {
      throw OutOfMemory(core::message("a KV cache of ", capacity,
                                      " positions is out of reach; set max_context or ", "attention_window"));
    }
    backend::KvCacheView view;
    view.sinks = sinks;
    for (TensorView* half : {&view.keys, &view.values}) {
      backend::Buffer& buffer = buffers_.emplace_back(backend.allocate(
          static_cast<std::size_t>(capacity * row), "the KV cache", backend::Buffer::Pages::lazy));
      *half = TensorView::dense(buffer.data(), dtype, {spec.n_kv_heads, capacity, spec.head_dim});
      bytes_ += static_cast<std::int64_t>(buffer.size());
    }
    layers_.push_back(view);
  }
}

std::int64_t KvCache::oldest_restorable(std::int64_t furthest) const {
  std::int64_t oldest = 0;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const std::int64_t capacity = layers_[i].keys.extent[1], sinks = layers_[i].sinks,
                       window = spec_.layers[i].window;
    if (window == 0 || furthest <= capacity) continue;
    // Positions in [furthest - ring, furthest) are still there. A text cut to p sees window - 1 positions
    // before the next one: p - window + 1 must be among them.
    const std::int64_t ring = capacity - sinks;
    oldest = std::max(oldest, furthest - ring + window - 1);
  }
  return oldest;
}

}  // namespace transom::model
