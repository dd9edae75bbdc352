// SPDX-License-Identifier: Apache-2.0
#include "text/models/merge_boundaries.h"

#include <algorithm>
#include <numeric>

namespace transom::text {

namespace {

/// Sets of ids (union-find with path halving).
class Classes {
 public:
  explicit Classes(std::size_t n) : parent_(n) { std::iota(parent_.begin(), parent_.end(), 0); }

  TokenId find(TokenId id) {
    while (at(id) != id) id = at(id) = at(at(id));
    return id;
  }
  void unite(TokenId a, TokenId b) { at(find(a)) = find(b); }

  std::vector<TokenId> names() {
    std::vector<TokenId> out(parent_.size());
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = find(static_cast<TokenId>(i));
    return out;
  }

 private:
  TokenId& at(TokenId id) { return parent_[static_cast<std::size_t>(id)]; }
  std::vector<TokenId> parent_;
};

}  // namespace

MergeBoundaries::MergeBoundaries(const PairTable& merges) {
  std::size_t id_end = 0;
  merges.for_each([&](TokenId left, TokenId right, const Merge& merge) {
    id_end = std::max(id_end, static_cast<std::size_t>(std::max({left, right, merge.merged})) + 1);
  });
  Classes last(id_end);
  Classes first(id_end);
  std::size_t n_merges = 0;
  merges.for_each([&](TokenId left, TokenId right, const Merge& merge) {
    first.unite(merge.merged, left);
    last.unite(merge.merged, right);
    ++n_merges;
  });
  last_ = last.names();
  first_ = first.names();
  joined_ = PairTable(n_merges);
  merges.for_each([&](TokenId left, TokenId right, const Merge&) {
    joined_.put(last_[static_cast<std::size_t>(left)], first_[static_cast<std::size_t>(right)], {0, 0});
  });
}

}  // namespace transom::text
