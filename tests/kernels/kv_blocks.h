// SPDX-License-Identifier: Apache-2.0
/// The blocks of a cache as a model may have them: anywhere in memory, in any order.
#pragma once

#include <numeric>
#include <utility>
#include <vector>

#include "kernels/common/attention_args.h"
#include "tests/kernels/support.h"

namespace transom::testing {

/// Keys, or values. What was never written, and what follows a block, reads as NaN: even a weight of 0 shows
/// it.
class KvBlocks {
 public:
  KvBlocks(std::size_t block_bytes, std::size_t blocks, std::uint64_t seed)
      : stride_((block_bytes + 2 * kGap - 1) / kGap * kGap), memory_(blocks * stride_, char(0xff)) {
    std::vector<std::size_t> places(blocks);
    std::iota(places.begin(), places.end(), std::size_t{0});
    Random random(seed);
    for (std::size_t i = blocks; i > 1; --i)
      std::swap(places[i - 1], places[static_cast<std::size_t>((random.next() + 1) / 2 * float(i)) % i]);
    // Never in order.
    if (blocks > 1 && places[0] < places[1]) std::swap(places[0], places[1]);
    for (const std::size_t place : places) table_.push_back(memory_.data() + place * stride_);
  }

  void* const* table() const { return table_.data(); }
  Aligned<char>& memory() { return memory_; }

 private:
  static constexpr std::size_t kGap = 64;

  std::size_t stride_;
  Aligned<char> memory_;
  std::vector<void*> table_;
};

/// Blocks of a view, and bytes of the keys or values of one.
inline std::size_t block_count(const kernels::KvView& kv) {
  return (kv.capacity + kv.block_slots - 1) / kv.block_slots;
}
inline std::size_t block_bytes(const kernels::KvView& kv) {
  return kv.n_kv_heads * kv.block_slots * kernels::kv_row_bytes(kv.type, kv.head_dim);
}

}  // namespace transom::testing
