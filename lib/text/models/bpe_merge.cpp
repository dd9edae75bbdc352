// SPDX-License-Identifier: Apache-2.0
/// The two ways to merge the symbols of a word; they give equal results.
#include <algorithm>
#include <cstdint>
#include <queue>
#include <vector>

#include "text/models/bpe.h"

namespace transom::text {

namespace {

/// A pair that may merge, as it was when it was pushed.
struct Candidate {
  std::uint32_t rank;
  std::uint32_t pos;  // of the left symbol
  TokenId merged;
};

/// Puts the lowest rank on top of the heap, of equals the leftmost.
struct GoesLater {
  bool operator()(const Candidate& a, const Candidate& b) const {
    return a.rank != b.rank ? a.rank > b.rank : a.pos > b.pos;
  }
};

constexpr std::uint32_t kNone = UINT32_MAX;
constexpr TokenId kRemoved = -1;

}  // namespace

std::size_t merge_short(const PairTable& merges, TokenId* ids, std::size_t n) {
  // pairs[i] is what ids[i] and ids[i + 1] become.
  std::vector<Merge> storage;
  Merge on_stack[64];
  Merge* pairs = on_stack;
  if (n > 64) {
    storage.resize(n);
    pairs = storage.data();
  }
  for (std::size_t i = 0; i + 1 < n; ++i) pairs[i] = merges.find(ids[i], ids[i + 1]);
  while (n > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < n; ++i) {
      if (pairs[i].rank < pairs[best].rank) best = i;
    }
    if (pairs[best].rank == kNoRank) break;
    ids[best] = pairs[best].merged;
    std::copy(ids + best + 2, ids + n, ids + best + 1);
    if (best + 2 < n) std::copy(pairs + best + 2, pairs + n - 1, pairs + best + 1);
    --n;
    if (best + 1 < n) pairs[best] = merges.find(ids[best], ids[best + 1]);
    if (best > 0) pairs[best - 1] = merges.find(ids[best - 1], ids[best]);
  }
  return n;
}

std::size_t merge_long(const PairTable& merges, TokenId* ids, std::size_t n) {
  std::vector<std::uint32_t> previous(n);
  std::vector<std::uint32_t> next(n);
  std::vector<Candidate> initial;
  for (std::size_t i = 0; i < n; ++i) {
    previous[i] = i > 0 ? static_cast<std::uint32_t>(i - 1) : kNone;
    next[i] = i + 1 < n ? static_cast<std::uint32_t>(i + 1) : kNone;
    if (i + 1 == n) break;
    const Merge merge = merges.find(ids[i], ids[i + 1]);
    if (merge.rank != kNoRank) initial.push_back({merge.rank, static_cast<std::uint32_t>(i), merge.merged});
  }
  std::priority_queue queue(GoesLater{}, std::move(initial));
  const auto push = [&](std::uint32_t left, std::uint32_t right) {
    if (left == kNone || right == kNone) return;
    const Merge merge = merges.find(ids[left], ids[right]);
    if (merge.rank != kNoRank) queue.push({merge.rank, left, merge.merged});
  };
  while (!queue.empty()) {
    const Candidate top = queue.top();
    queue.pop();
    const std::uint32_t left = top.pos;
    if (ids[left] == kRemoved || next[left] == kNone) continue;
    const std::uint32_t right = next[left];
    const Merge now = merges.find(ids[left], ids[right]);
    if (now.rank == kNoRank || now.merged != top.merged) continue;  // one of the two has changed meanwhile
    ids[left] = top.merged;
    ids[right] = kRemoved;
    next[left] = next[right];
    if (next[left] != kNone) previous[next[left]] = left;
    push(previous[left], left);
    push(left, next[left]);
  }
  return static_cast<std::size_t>(std::remove(ids, ids + n, kRemoved) - ids);
}

}  // namespace transom::text
