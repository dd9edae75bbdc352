// SPDX-License-Identifier: Apache-2.0
#include "model/cache/kv_cache.h"

#include <algorithm>
#include <utility>

#include "backend/kv_slots.h"
#include "backend/ops.h"
#include "core/checks.h"
#include "core/count.h"
#include "transom/error.h"

namespace transom::model {

using core::count;
using core::message;
using core::TensorView;

namespace {

/// Whether every slot has been written: the ring, and the level with the fewest positions.
bool all_used(const backend::KvCacheView& view, std::int64_t furthest) {
  if (furthest < view.ring_capacity()) return false;
  return view.levels == 0 || furthest >> view.levels >= view.level_slots;
}

/// A block as a cache of its own, a position a slot. It points to itself.
struct BlockView {
  void *keys, *values;
  backend::KvCacheView view;

  BlockView(const KvBlock& block, const backend::KvCacheView& cache)
      : keys(block.keys), values(block.values) {
    view.keys = view.values = TensorView::dense(
        nullptr, cache.keys.dtype, {cache.keys.extent[0], cache.block_slots, cache.keys.extent[2]});
    view.block_slots = cache.block_slots;
    view.key_blocks = &keys;
    view.value_blocks = &values;
  }
  BlockView(const BlockView&) = delete;
  BlockView& operator=(const BlockView&) = delete;
};

}  // namespace

KvCache::KvCache(const ModelSpec& spec, DType dtype, std::int64_t context, std::int64_t chunk,
                 const Placement& placement)
    : spec_(spec) {
  for (const LayerSpan& span : placement.spans()) devices_.push_back(span.device.get());
  std::vector<KvStretch> stretches;
  for (const backend::KvCacheView& view : kv_layouts(spec, dtype, context, chunk)) {
    const std::size_t device = placement.span_of(static_cast<std::int64_t>(layers_.size()));
    Layer& layer = layers_.emplace_back();
    layer.view = view;
    layer.device = device;
    const bool reserves = devices_[device]->uses_host_memory();
    stretches.push_back({devices_[device], reserves ? view.blocks() : 0});
    bytes_ += view.keys.extent[1] * backend::ops::kv_slot_bytes(view);
  }
  make_tables();
  reserved_.reset(new KvMemory(stretches, count(block_bytes())));
}

void KvCache::check_room() const {
  for (std::size_t device = 0; device < devices_.size(); ++device) {
    if (devices_[device]->uses_host_memory()) continue;
    std::int64_t needed = 0;
    for (const Layer& layer : layers_)
      if (layer.device == device) needed += 2 * layer.view.blocks() * block_bytes();
    const backend::DeviceMemory memory = devices_[device]->memory();
    if (memory.total == 0 || needed <= memory.free) continue;
    throw OutOfMemory(message(devices_[device]->describe().device,
                              ": the KV cache of the longest text takes ", needed, " bytes: ", memory.free,
                              " of ", memory.total, " bytes are free; max_context, attention_window or ",
                              "kv_cache_dtype take less, gpu_layers leaves layers to the CPU"));
  }
}

KvCache::KvCache(const KvCache& other, std::int64_t furthest)
    : spec_(other.spec_), devices_(other.devices_), bytes_(other.bytes_) {
  for (const Layer& layer : other.layers_) {
    Layer& made = layers_.emplace_back();
    made.view = layer.view;
    made.device = layer.device;
  }
  make_tables();
  share(other, furthest);
}

KvCache::~KvCache() {
  // Where nobody else uses a block of the reservation, it goes as a whole, not block by block.
  std::int64_t alone = 0;
  for_each_block([&](const KvBlock& block) { alone += block.memory == reserved_.get() && !block.shared(); });
  const bool whole = reserved_ != nullptr && reserved_->holds() == 1 + alone;
  for (const Layer& layer : layers_) {
    for (std::int64_t i = 0; i < layer.end; ++i) {
      KvBlock* const block = layer.blocks[i];
      if (block != nullptr && !(whole && block->memory == reserved_.get())) block->remove_user();
    }
  }
  if (whole) delete reserved_.release();
}

void KvCache::make_tables() {
  std::size_t all = 0;
  for (const Layer& layer : layers_) all += count(layer.view.blocks());
  tables_ = core::Buffer(3 * all * sizeof(void*), "the KV cache", core::Buffer::Pages::lazy);
  auto** keys = tables_.as<void*>();
  auto** values = keys + all;
  auto** blocks = reinterpret_cast<KvBlock**>(values + all);
  for (Layer& layer : layers_) {
    const std::int64_t here = layer.view.blocks();
    layer.view.key_blocks = layer.keys = std::exchange(keys, keys + here);
    layer.view.value_blocks = layer.values = std::exchange(values, values + here);
    layer.blocks = std::exchange(blocks, blocks + here);
  }
}

void KvCache::set_block(std::size_t layer, std::int64_t index, KvBlock* block) noexcept {
  Layer& here = layers_[layer];
  here.blocks[index] = block;
  here.keys[index] = block == nullptr ? nullptr : block->keys;
  here.values[index] = block == nullptr ? nullptr : block->values;
  here.end = std::max(here.end, index + 1);
}

template <typename Use>
void KvCache::for_each_touched(std::int64_t first, std::int64_t end, const Use& use) const {
  const std::int64_t size = block_slots();
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    backend::for_each_slots(layers_[i].view, first, end, [&](std::int64_t slot, std::int64_t slots) {
      for (std::int64_t block = slot / size; block * size < slot + slots; ++block)
        use(i, block, std::min(slot + slots - block * size, size));
    });
  }
}

KvMemoryOwner KvCache::allocate_missing(std::int64_t first, std::int64_t end) const {
  std::vector<KvStretch> stretches;  // empty in most steps, which allocate nothing then
  for_each_touched(first, end, [&](std::size_t layer, std::int64_t index, std::int64_t) {
    if (!is_missing(layers_[layer].blocks[index])) return;
    if (reserved_ != nullptr && reserved_->is_free(layer, index)) return;
    if (stretches.empty()) {
      for (backend::Backend* device : devices_) stretches.push_back({device, 0});
    }
    ++stretches[layers_[layer].device].blocks;
  });
  return KvMemoryOwner(stretches.empty() ? nullptr : new KvMemory(stretches, count(block_bytes())));
}

void KvCache::make_writable(std::int64_t first, std::int64_t end) {
  const KvMemoryOwner allocated = allocate_missing(first, end);
  std::int64_t next = 0;  // of the stretch that blocks come from
  std::size_t stretch = 0;
  for_each_touched(first, end, [&](std::size_t layer, std::int64_t index, std::int64_t written) {
    KvBlock*& block = layers_[layer].blocks[index];
    if (is_missing(block)) {
      KvBlock* taken = reserved_ == nullptr ? nullptr : reserved_->take(layer, index);
      if (taken == nullptr) {
        const std::size_t device = layers_[layer].device;  // rises from layer to layer
        if (device != stretch) next = 0;
        stretch = device;
        taken = allocated->take(stretch, next++);
      }
      replace_block(layer, index, taken);
    }
    block->written = std::max(block->written, written);
  });
  use_huge_pages(first);
}

void KvCache::replace_block(std::size_t layer, std::int64_t index, KvBlock* block) {
  KvBlock* const old = layers_[layer].blocks[index];
  if (old != nullptr) {
    const BlockView from(*old, layers_[layer].view), to(*block, layers_[layer].view);
    backend::ops::kv_copy(device_of(layer), from.view, 0, old->written, to.view);
    block->written = old->written;
  }
  set_block(layer, index, block);
  if (old != nullptr) old->remove_user();
}

void KvCache::use_huge_pages(std::int64_t position) {
  // A ring that has come round is in use as a whole, and is read as a whole at every step from now on: on
  // huge pages attention to 2048 int8 keys took a seventh less (7B, 2 cores, 2026-11).
  for (std::size_t i = 0; reserved_ != nullptr && i < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    if (reserved_->is_huge(i) || !all_used(layer.view, position)) continue;
    const bool all = std::all_of(layer.blocks, layer.blocks + layer.view.blocks(), [&](const KvBlock* block) {
      return block != nullptr && block->memory == reserved_.get();
    });
    if (all) reserved_->make_huge(i);
  }
}

void KvCache::share(const KvCache& from, std::int64_t furthest) noexcept {
  for_each_touched(0, furthest, [&](std::size_t layer, std::int64_t index, std::int64_t) {
    KvBlock *const theirs = from.layers_[layer].blocks[index], *const ours = layers_[layer].blocks[index];
    if (theirs == ours || theirs == nullptr) return;
    theirs->add_user();
    set_block(layer, index, theirs);
    if (ours != nullptr) ours->remove_user();
  });
}

void KvCache::start_again() noexcept {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    for (std::int64_t index = 0; index < layers_[i].end; ++index) {
      KvBlock* const block = layers_[i].blocks[index];
      if (block == nullptr || !block->shared()) continue;
      set_block(i, index, nullptr);
      block->remove_user();
    }
  }
}

void KvCache::copy_positions(const KvCache& from, std::int64_t first, std::int64_t end) {
  make_writable(first, end);
  for (std::size_t i = 0; i < layers_.size(); ++i)
    backend::ops::kv_copy(device_of(i), from.layer(i), first, end, layer(i));
}

std::vector<KvCache::Slots> KvCache::used_slots(std::size_t layer, std::int64_t position,
                                                std::int64_t furthest) const {
  const backend::KvCacheView& view = layers_[layer].view;
  const std::int64_t ring = view.ring_capacity();
  std::vector<Slots> used = {{0, furthest <= ring ? position : ring}};
  for (std::int64_t level = 1; level <= view.levels; ++level) {
    const std::int64_t multiples = furthest > 0 ? ((furthest - 1) >> level) + 1 : 0;
    used.push_back({ring + (level - 1) * view.level_slots, std::min(multiples, view.level_slots)});
  }
  return used;
}

std::int64_t KvCache::resident_bytes(const KvBlock& block) const {
  constexpr std::int64_t kPage = 4096;
  if (!block.memory->grows_as_written(block)) return 2 * block_bytes();
  const std::int64_t row = block_bytes() / block_slots() / layers_.front().view.keys.extent[0];
  // Keys and values of each head, which begin and end anywhere in a page; no more than all of them.
  const std::int64_t head = ((block.written * row + kPage - 1) / kPage + 1) * kPage;
  return 2 * std::min(layers_.front().view.keys.extent[0] * head, block_bytes());
}

std::int64_t KvCache::resident_bytes() const {
  std::int64_t bytes = 0;
  for_each_block([&](const KvBlock& block) { bytes += resident_bytes(block); });
  return bytes;
}

std::int64_t KvCache::oldest_restorable(std::int64_t furthest) const {
  std::int64_t oldest = 0;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const backend::KvCacheView& view = layers_[i].view;
    const std::int64_t capacity = view.ring_capacity(), window = spec_.layers[i].window;
    if (spec_.layers[i].keeps_all() || furthest <= capacity) continue;
    // Positions in [furthest - ring, furthest) are still there. A text cut to p sees window - 1 positions
    // before the next one: p - window + 1 must be among them. Levels reach back as far.
    const std::int64_t ring = capacity - view.sinks;
    oldest = std::max(oldest, furthest - ring + window - 1);
  }
  return oldest;
}

}  // namespace transom::model
