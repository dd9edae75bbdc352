// SPDX-License-Identifier: Apache-2.0
/// The merges of a BPE model: what two neighbouring symbols become, and how early.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "transom/tokenizer.h"

namespace transom::text {

struct Merge {
  std::uint32_t rank;  ///< lower goes first; kNoRank when the two do not merge
  TokenId merged;
};

inline constexpr std::uint32_t kNoRank = UINT32_MAX;

/// A hash table of pairs of ids, open addressing, at most half full.
class PairTable {
 public:
  explicit PairTable(std::size_t n_pairs = 0) : slots_(std::bit_ceil(2 * n_pairs + 2)) {}

  /// Later merges of the same pair replace earlier ones, as in the reference implementation. At most as many
  /// as the constructor was told.
  void put(TokenId left, TokenId right, Merge merge) {
    Slot& slot = slots_[find_slot(key_of(left, right))];
    slot = {key_of(left, right), merge};
  }

  /// Calls visit(left, right, merge) for every pair, in no particular order.
  template <typename Visit>
  void for_each(const Visit& visit) const {
    for (const Slot& slot : slots_) {
      if (slot.key == 0) continue;
      const auto left = static_cast<TokenId>(static_cast<std::uint32_t>(slot.key >> 32) - 1);
      visit(left, static_cast<TokenId>(static_cast<std::uint32_t>(slot.key)), slot.merge);
    }
  }

  Merge find(TokenId left, TokenId right) const { return slots_[find_slot(key_of(left, right))].merge; }

 private:
  struct Slot {
    std::uint64_t key = 0;
    Merge merge{kNoRank, 0};
  };

  // Ids are below 2^31, so adding one never overflows and 0 stays free to mark an empty slot.
  static std::uint64_t key_of(TokenId left, TokenId right) {
    return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(left) + 1) << 32) |
           static_cast<std::uint32_t>(right);
  }

  std::size_t find_slot(std::uint64_t key) const {
    const std::size_t mask = slots_.size() - 1;
    std::uint64_t hash = key * 0x9E3779B97F4A7C15u;  // Fibonacci hashing; the high bits are the good ones
    std::size_t slot = static_cast<std::size_t>(hash ^ (hash >> 32)) & mask;
    while (slots_[slot].key != 0 && slots_[slot].key != key) slot = (slot + 1) & mask;
    return slot;
  }

  std::vector<Slot> slots_;
};

}  // namespace transom::text
