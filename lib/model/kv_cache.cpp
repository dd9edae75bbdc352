// SPDX-License-Identifier: Apache-2.0
#include "model/kv_cache.h"

#include <algorithm>

#include "backend/ops.h"
#include "core/checks.h"
#include "transom/error.h"

namespace transom::model {

using core::TensorView;

namespace {

// A reservation of more than this is a mistake in a configuration, not a wish.
constexpr std::int64_t kMaxCacheBytes = std::int64_t{1} << 46;
// The oldest token that a log stride sees in a text without bound.
constexpr std::int64_t kOldestSeen = std::int64_t{1} << 24;

/// Whether every slot has been written: the ring, and the level with the fewest positions.
bool all_used(const backend::KvCacheView& view, std::int64_t furthest) {
  if (furthest < view.ring_capacity()) return false;
  return view.levels == 0 || furthest >> view.levels >= view.level_slots;
}

}  // namespace

/// The memory, and how many caches look at it. (Not a std::shared_ptr: use_count() gives no order between
/// the last reader of shared memory and the next writer.)
struct KvCache::Storage {
  std::vector<backend::Buffer> buffers;  // keys and values of each layer
  std::vector<bool> huge;                // [layers]
  std::atomic<std::int64_t> touched{0};  // positions that texts before this one reached: pages stay resident
  std::atomic<int> users{1};
};

KvCache::KvCache(const ModelSpec& spec, DType dtype, std::int64_t context, std::int64_t chunk,
                 backend::Backend& backend)
    : spec_(spec), backend_(backend) {
  for (const LayerSpec& layer : spec.layers) {
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
    view.keys = view.values = TensorView::dense(nullptr, dtype, {spec.n_kv_heads, capacity, spec.head_dim});
    bytes_ += 2 * capacity * row;
    layers_.push_back(view);
  }
  allocate();
}

KvCache::KvCache(const KvCache& other)
    : spec_(other.spec_),
      backend_(other.backend_),
      layers_(other.layers_),
      storage_(other.storage_),
      bytes_(other.bytes_) {
  storage_->users.fetch_add(1, std::memory_order_relaxed);
}

KvCache::~KvCache() {
  if (storage_->users.fetch_sub(1, std::memory_order_acq_rel) == 1) delete storage_;
}

void KvCache::allocate() {
  auto storage = std::make_unique<Storage>();
  for (const backend::KvCacheView& layer : layers_) {
    const auto bytes =
        static_cast<std::size_t>(layer.keys.extent[0] * layer.keys.extent[1] *
                                 backend::kv_row_bytes(layer.keys.dtype, layer.keys.extent[2]));
    for (int half = 0; half < 2; ++half)
      storage->buffers.push_back(backend_.allocate(bytes, "the KV cache", backend::Buffer::Pages::lazy));
  }
  storage->huge.resize(layers_.size());
  storage_ = storage.release();
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    layers_[i].keys.data = storage_->buffers[2 * i].data();
    layers_[i].values.data = storage_->buffers[2 * i + 1].data();
  }
}

void KvCache::make_own(std::int64_t furthest) {
  if (storage_->users.load(std::memory_order_acquire) != 1) {
    const KvCache shared(*this);
    allocate();  // where it throws, the memory is still shared
    shared.storage_->users.fetch_sub(1, std::memory_order_acq_rel);
    copy_positions(shared, 0, furthest);
  }
  // A ring that has come round is in use as a whole, and is read as a whole at every step from now on: on
  // huge pages attention to 2048 int8 keys took a seventh less (7B, 2 cores, 2026-11).
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    if (storage_->huge[i] || !all_used(layers_[i], furthest)) continue;
    storage_->buffers[2 * i].make_huge();
    storage_->buffers[2 * i + 1].make_huge();
    storage_->huge[i] = true;
  }
}

void KvCache::start_again(std::int64_t furthest) {
  const std::int64_t before = storage_->touched.load(std::memory_order_relaxed);
  storage_->touched.store(std::max(before, furthest), std::memory_order_relaxed);
}

void KvCache::copy_positions(const KvCache& from, std::int64_t first, std::int64_t end) {
  for (std::size_t i = 0; i < layers_.size(); ++i)
    backend::ops::kv_copy(backend_, from.layers_[i], first, end, layers_[i]);
}

std::vector<KvCache::Slots> KvCache::used_slots(std::size_t layer, std::int64_t position,
                                                std::int64_t furthest) const {
  const backend::KvCacheView& view = layers_[layer];
  const std::int64_t ring = view.ring_capacity();
  std::vector<Slots> used = {{0, furthest <= ring ? position : ring}};
  for (std::int64_t level = 1; level <= view.levels; ++level) {
    const std::int64_t multiples = furthest > 0 ? ((furthest - 1) >> level) + 1 : 0;
    used.push_back({ring + (level - 1) * view.level_slots, std::min(multiples, view.level_slots)});
  }
  return used;
}

std::int64_t KvCache::resident_bytes(std::int64_t furthest) const {
  constexpr std::int64_t kPage = 4096;
  furthest = std::max(furthest, storage_->touched.load(std::memory_order_relaxed));
  std::int64_t bytes = 0;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const TensorView& keys = layers_[i].keys;
    const std::int64_t row = backend::kv_row_bytes(keys.dtype, keys.extent[2]);
    for (const Slots& slots : used_slots(i, furthest, furthest)) {
      // Keys and values of each head, which begin and end anywhere in a page.
      if (slots.count > 0)
        bytes += 2 * keys.extent[0] * ((slots.count * row + kPage - 1) / kPage + 1) * kPage;
    }
  }
  return bytes;
}

std::int64_t KvCache::oldest_restorable(std::int64_t furthest) const {
  std::int64_t oldest = 0;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const std::int64_t capacity = layers_[i].ring_capacity(), sinks = layers_[i].sinks,
                       window = spec_.layers[i].window;
    if (spec_.layers[i].keeps_all() || furthest <= capacity) continue;
    // Positions in [furthest - ring, furthest) are still there. A text cut to p sees window - 1 positions
    // before the next one: p - window + 1 must be among them. Levels reach back as far.
    const std::int64_t ring = capacity - sinks;
    oldest = std::max(oldest, furthest - ring + window - 1);
  }
  return oldest;
}

}  // namespace transom::model
