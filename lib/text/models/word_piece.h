// SPDX-License-Identifier: Apache-2.0
/// WordPiece (Schuster and Nakajima 2012, as BERT uses it): the longest token that the rest of the word
/// begins with, again and again.
#pragma once

#include <string>

#include "text/models/model.h"
#include "text/trie.h"

namespace transom::text {

struct WordPieceOptions {
  std::string unk_token = "[UNK]";               ///< stands for a word that cannot be spelled in tokens
  std::string continuing_subword_prefix = "##";  ///< begins every token of a word but the first
  std::size_t max_input_chars_per_word = 100;    ///< a longer word is unknown
};

class WordPieceModel final : public Model {
 public:
  WordPieceModel(Vocabulary vocabulary, WordPieceOptions options);

  void tokenize(std::string_view piece, std::vector<TokenId>& out) const override;
  const Vocabulary& vocabulary() const override { return vocabulary_; }

 private:
  bool append_tokens(std::string_view piece, std::vector<TokenId>& out) const;

  Vocabulary vocabulary_;
  WordPieceOptions options_;
  Trie trie_;
  Trie::Node continuing_;  // where tokens stand that continue a word; kNone when there is none
};

}  // namespace transom::text
