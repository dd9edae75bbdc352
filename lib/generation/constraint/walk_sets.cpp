// SPDX-License-Identifier: Apache-2.0
#include "generation/constraint/walk_sets.h"

#include "transom/error.h"

namespace transom::generation {

namespace {

constexpr std::size_t kMostSets = 65536;  // in one walk

std::uint64_t hash_of(const StateSet& set) {
  std::uint64_t hash = 2 * set.finished + set.escaped;
  const auto take = [&hash](std::uint64_t value) {
    hash = (hash ^ value) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 32;
  };
  for (const Configuration& at : set.configurations) {
    take(std::uint64_t{at.state} << 32 | at.stack);
    take(at.count);
  }
  return hash;
}

}  // namespace

void WalkSets::clear() {
  by_hash_.clear();
  sets_.clear();
  Known& dead = sets_.emplace_back();
  dead.next.fill(kDead);
}

WalkSets::SetId WalkSets::id_of(const StateSet& set) {
  if (set.dead()) return kDead;
  const std::uint64_t hash = hash_of(set);
  const auto [begin, end] = by_hash_.equal_range(hash);
  for (auto at = begin; at != end; ++at) {
    if (sets_[at->second].set == set) return at->second;
  }
  if (sets_.size() >= kMostSets) {
    throw UnsupportedError("the constraint is too ambiguous: the vocabulary leads to too many states");
  }
  const auto id = static_cast<SetId>(sets_.size());
  Known& known = sets_.emplace_back();
  known.set = set;
  known.next.fill(set.configurations.empty() ? kDead : kUnknown);
  by_hash_.emplace(hash, id);
  return id;
}

WalkSets::SetId WalkSets::compute(SetId from, std::uint8_t byte) {
  machine_.step(sets_[from].set, byte, scratch_);
  const SetId to = id_of(scratch_);
  sets_[from].next[byte] = to;
  return to;
}

}  // namespace transom::generation
