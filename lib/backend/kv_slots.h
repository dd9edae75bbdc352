// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "backend/backend.h"

namespace transom::backend {

/// Calls use(slot, count) for stretches of neighbouring slots: together, those that positions [first, end)
/// take and still hold after `end` positions. The rule is that of kernels/common/attention_args.h.
template <typename Use>
void for_each_slots(const KvCacheView& cache, std::int64_t first, std::int64_t end, const Use& use) {
  // Numbers [begin, end) of a ring of `size` slots behind `before`.
  const auto ring = [&](std::int64_t begin, std::int64_t ring_end, std::int64_t before, std::int64_t size) {
    for (begin = std::max(begin, ring_end - size); begin < ring_end;) {
      const std::int64_t at = begin % size, here = std::min(ring_end - begin, size - at);
      use(before + at, here);
      begin += here;
    }
  };
  const std::int64_t sinks = cache.sinks, capacity = cache.ring_capacity();
  if (first < std::min(end, sinks)) use(first, std::min(end, sinks) - first);
  if (end > sinks) ring(std::max(first, sinks) - sinks, end - sinks, sinks, capacity - sinks);
  for (std::int64_t level = 1; level <= cache.levels; ++level) {
    const auto index_from = [&](std::int64_t position) { return ((position - 1) >> level) + 1; };
    ring(index_from(first), index_from(end), capacity + (level - 1) * cache.level_slots, cache.level_slots);
  }
}

/// Calls use(first slot, count) for the parts of slots [first, first + slots) that lie in one block each.
template <typename Use>
void for_each_stretch(std::int64_t first, std::int64_t slots, std::int64_t block_slots, const Use& use) {
  for (std::int64_t slot = first; slot < first + slots;) {
    const std::int64_t here = std::min(first + slots - slot, block_slots - slot % block_slots);
    use(slot, here);
    slot += here;
  }
}

}  // namespace transom::backend
