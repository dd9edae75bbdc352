// SPDX-License-Identifier: Apache-2.0
/// Byte-pair encoding (Sennrich et al. 2016) with the options of tokenizer.json.
///
/// A pre-token starts as its characters and the pair of lowest rank merges first, the leftmost of equals,
/// until no pair merges. There is no cache of words: a tokenizer has no mutable state at all. A long piece is
/// cut where no merge can reach across (merge_boundaries.h).
#pragma once

#include <optional>
#include <string>

#include "text/models/byte_tokens.h"
#include "text/models/merge_boundaries.h"
#include "text/models/model.h"
#include "text/models/pair_table.h"

namespace transom::text {

struct BpeOptions {
  std::optional<std::string> unk_token;
  std::string continuing_subword_prefix;  ///< put before every character but the first
  std::string end_of_word_suffix;         ///< put behind the last character
  bool fuse_unk = false;                  ///< one unknown token for a run of unknown characters
  bool byte_fallback = false;             ///< an unknown character becomes its bytes, `<0x0A>`
  bool ignore_merges = false;             ///< a pre-token that is in the vocabulary is taken whole
};

class BpeModel final : public Model {
 public:
  /// @param unk_id The id of options.unk_token.
  BpeModel(Vocabulary vocabulary, PairTable merges, BpeOptions options, std::optional<TokenId> unk_id);

  void tokenize(std::string_view piece, std::vector<TokenId>& out) const override;
  const Vocabulary& vocabulary() const override { return vocabulary_; }

 private:
  void append_symbols(std::string_view piece, std::vector<TokenId>& out) const;
  std::optional<TokenId> find_symbol(std::string_view character, bool is_first, bool is_last) const;
  std::size_t merge_between_boundaries(TokenId* ids, std::size_t n) const;
  std::string decorated(std::string_view character, bool is_first, bool is_last) const;

  Vocabulary vocabulary_;
  PairTable merges_;
  BpeOptions options_;
  std::optional<TokenId> unk_id_;
  std::vector<TokenId> id_of_character_;  // [0x10000], -1 for a character that is no token
  ByteTokens byte_tokens_;
  MergeBoundaries boundaries_;
};

/// Merges the symbols ids[0..n) in place. O(n^2), fast for short words.
/// @return How many are left.
std::size_t merge_short(const PairTable& merges, TokenId* ids, std::size_t n);
/// The same in O(n log n).
std::size_t merge_long(const PairTable& merges, TokenId* ids, std::size_t n);

}  // namespace transom::text
