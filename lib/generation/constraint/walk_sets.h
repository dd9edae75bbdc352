// SPDX-License-Identifier: Apache-2.0
/// The state sets met while walking a vocabulary, numbered, with their transitions remembered: most steps of
/// a walk are then one table lookup.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <unordered_map>

#include "generation/constraint/machine.h"

namespace transom::generation {

/// Not thread-safe.
class WalkSets {
 public:
  using SetId = std::uint32_t;
  static constexpr SetId kDead = 0;

  explicit WalkSets(Machine& machine) : machine_(machine) { clear(); }

  SetId id_of(const StateSet& set);
  SetId next(SetId from, std::uint8_t byte) {
    const SetId known = sets_[from].next[byte];
    return known != kUnknown ? known : compute(from, byte);
  }
  const StateSet& set(SetId id) const { return sets_[id].set; }

  /// Between walks: forgets everything when it has become much.
  void forget_if_many() {
    if (sets_.size() > kManySets) clear();
  }

 private:
  static constexpr SetId kUnknown = UINT32_MAX;
  static constexpr std::size_t kManySets = 8192;  // 1 KB each

  struct Known {
    StateSet set;
    std::array<SetId, 256> next;
  };

  void clear();
  SetId compute(SetId from, std::uint8_t byte);

  Machine& machine_;
  std::deque<Known> sets_;
  std::unordered_multimap<std::uint64_t, SetId> by_hash_;
  StateSet scratch_;
};

}  // namespace transom::generation
