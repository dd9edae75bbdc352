// SPDX-License-Identifier: Apache-2.0
/// The unigram language model (Kudo 2018): of all ways to cut a text into tokens, the one whose scores have
/// the largest sum.
#pragma once

#include <optional>
#include <vector>

#include "text/models/byte_tokens.h"
#include "text/models/model.h"
#include "text/trie.h"

namespace transom::text {

struct UnigramOptions {
  std::optional<TokenId> unk_id;
  bool byte_fallback = false;  ///< an unknown run becomes its bytes, `<0x0A>`, when all of them are tokens
};

class UnigramModel final : public Model {
 public:
  /// @param scores Of each id: log probabilities.
  /// @param excluded Ids that a text is never cut into; for each id, or empty.
  UnigramModel(Vocabulary vocabulary, std::vector<double> scores, UnigramOptions options,
               const std::vector<bool>& excluded = {});

  /// Linear in the length of the piece, times the length of the longest token.
  void tokenize(std::string_view piece, std::vector<TokenId>& out) const override;
  const Vocabulary& vocabulary() const override { return vocabulary_; }

 private:
  /// The best way to cut the text up to some byte.
  struct Node {
    double score = 0;
    std::uint32_t begin = UINT32_MAX;  // of its last token; the largest value while there is no way
    TokenId id = 0;
  };
  void find_best(std::string_view piece, Node* nodes) const;
  void append_unknown(std::string_view text, std::vector<TokenId>& out) const;

  Vocabulary vocabulary_;
  std::vector<double> scores_;
  UnigramOptions options_;
  ByteTokens byte_tokens_;
  Trie trie_;
  double unk_score_;
};

}  // namespace transom::text
