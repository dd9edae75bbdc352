// SPDX-License-Identifier: Apache-2.0
/// Keys or values as a model's cache lays them out.
#pragma once

#include <cstddef>
#include <vector>

#include "bench/threads.h"

namespace transom::bench {

constexpr std::size_t kBlockSlots = 256;  // as in a model

constexpr std::size_t blocks_of(std::size_t capacity) { return (capacity + kBlockSlots - 1) / kBlockSlots; }

/// Points a table to the blocks of copy `copy` of a cache, which follow each other in `memory`.
inline void fill_table(std::vector<void*>& table, PageBuffer& memory, std::size_t copy,
                       std::size_t block_bytes) {
  for (std::size_t i = 0; i < table.size(); ++i)
    table[i] = memory.data() + (copy * table.size() + i) * block_bytes;
}

}  // namespace transom::bench
