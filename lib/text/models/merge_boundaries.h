// SPDX-License-Identifier: Apache-2.0
/// Where a text can be cut without changing what byte-pair encoding makes of it.
///
/// A merge across the border of two symbols a and b joins a token that ends in a with one that begins with b.
/// When no merge has such parts, what stands before the border never meets what stands behind it, and the two
/// sides can be encoded one after the other. Vocabularies without tokens of several words (Llama 2) can so be
/// cut before every space mark, although their files know no pre-tokenizer.
#pragma once

#include <vector>

#include "text/models/pair_table.h"

namespace transom::text {

class MergeBoundaries {
 public:
  MergeBoundaries() = default;
  explicit MergeBoundaries(const PairTable& merges);

  /// Whether some merge may join what ends in the symbol `left` with what begins with `right`.
  bool may_join(TokenId left, TokenId right) const {
    const auto l = static_cast<std::size_t>(left);
    const auto r = static_cast<std::size_t>(right);
    return l < last_.size() && r < first_.size() && joined_.find(last_[l], first_[r]).rank != kNoRank;
  }

 private:
  // Tokens that may end in the same symbol share a class, named by one of them; likewise for the beginning.
  // Both reach as far as the largest id in the merges.
  std::vector<TokenId> last_;
  std::vector<TokenId> first_;
  PairTable joined_;  // of (class of a last symbol, class of a first symbol)
};

}  // namespace transom::text
