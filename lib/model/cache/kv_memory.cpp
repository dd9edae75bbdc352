// SPDX-License-Identifier: Apache-2.0
#include "model/cache/kv_memory.h"

#include <type_traits>

#include "core/count.h"

namespace transom::model {

using core::count;

// Records lie in plain memory, so that those of a large reservation cost nothing until they are made.
static_assert(std::is_trivially_destructible_v<KvBlock> && alignof(KvBlock) <= 64);

void KvBlock::remove_user() noexcept {
  // Not a plain subtraction: at 0 the owner may take the block again, so its pages must have gone before.
  for (std::int32_t n = users.load(std::memory_order_acquire); n > 1;) {
    if (users.compare_exchange_weak(n, n - 1, std::memory_order_acq_rel, std::memory_order_acquire)) return;
  }
  KvMemory& from = *memory;
  KvMemory::Stretch& all = from.stretches_[static_cast<std::size_t>(stretch)];
  if (from.holds() > 1) {  // else the memory goes as a whole
    all.keys.discard(count(keys - all.keys.data()), from.block_bytes_);
    all.values.discard(count(values - all.values.data()), from.block_bytes_);
  }
  written = 0;
  users.store(0, std::memory_order_release);
  from.drop();
}

KvMemory::KvMemory(std::span<const KvStretch> stretches, std::size_t block_bytes)
    : block_bytes_(block_bytes), stretches_(stretches.size()) {
  std::size_t all = 0;
  for (const KvStretch& stretch : stretches) all += count(stretch.blocks);
  records_ = backend::Buffer(all * sizeof(KvBlock), "the KV cache", backend::Buffer::Pages::lazy);
  auto* record = records_.as<KvBlock>();
  for (std::size_t i = 0; i < stretches.size(); ++i) {
    Stretch& stretch = stretches_[i];
    const auto [device, blocks] = stretches[i];
    for (backend::Buffer* half : {&stretch.keys, &stretch.values})
      *half = device->allocate(count(blocks) * block_bytes, "the KV cache", backend::Buffer::Pages::lazy);
    stretch.blocks = record;
    stretch.count = blocks;
    stretch.of_this_process = device->uses_host_memory();
    record += blocks;
  }
}

KvBlock* KvMemory::take(std::size_t stretch, std::int64_t index) {
  Stretch& here = stretches_[stretch];
  if (index >= here.count) return nullptr;
  for (; here.made <= index; ++here.made) {
    KvBlock* const block = std::construct_at(here.blocks + here.made);
    block->keys = here.keys.data() + count(here.made) * block_bytes_;
    block->values = here.values.data() + count(here.made) * block_bytes_;
    block->memory = this;
    block->stretch = static_cast<std::int32_t>(stretch);
  }
  KvBlock& block = here.blocks[index];
  if (block.users.load(std::memory_order_acquire) != 0) return nullptr;
  block.users.store(1, std::memory_order_relaxed);
  holds_.fetch_add(1, std::memory_order_relaxed);
  return &block;
}

bool KvMemory::is_free(std::size_t stretch, std::int64_t index) const {
  const Stretch& here = stretches_[stretch];
  if (index >= here.count) return false;
  return index >= here.made || here.blocks[index].users.load(std::memory_order_acquire) == 0;
}

void KvMemory::make_huge(std::size_t stretch) {
  Stretch& here = stretches_[stretch];
  if (here.huge) return;
  here.keys.make_huge();
  here.values.make_huge();
  here.huge = true;
}

}  // namespace transom::model
