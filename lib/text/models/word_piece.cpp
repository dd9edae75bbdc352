// SPDX-License-Identifier: Apache-2.0
#include "text/models/word_piece.h"

#include <algorithm>
#include <utility>

#include "text/utf8.h"

namespace transom::text {

WordPieceModel::WordPieceModel(Vocabulary vocabulary, WordPieceOptions options)
    : vocabulary_(std::move(vocabulary)), options_(std::move(options)) {
  for (std::size_t i = 0; i < vocabulary_.id_end(); ++i) {
    const auto id = static_cast<TokenId>(i);
    if (const std::optional<std::string_view> token = vocabulary_.spelling(id)) trie_.add(*token, id);
  }
  continuing_ = trie_.walk(Trie::kRoot, options_.continuing_subword_prefix);
}

void WordPieceModel::tokenize(std::string_view piece, std::vector<TokenId>& out) const {
  if (piece.empty()) return;
  const std::size_t first = out.size();
  const auto is_lead = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
  const auto n_characters = static_cast<std::size_t>(std::count_if(piece.begin(), piece.end(), is_lead));
  if (n_characters <= options_.max_input_chars_per_word && append_tokens(piece, out)) return;
  out.resize(first);
  const std::optional<TokenId> unk_id = vocabulary_.find(options_.unk_token);
  if (!unk_id) {
    throw FormatError(core::message("model.unk_token: the text has an unknown word of ", piece.size(),
                                    " bytes, and the token \"", options_.unk_token,
                                    "\" that should stand for it is not in the vocabulary"));
  }
  out.push_back(*unk_id);
}

bool WordPieceModel::append_tokens(std::string_view piece, std::vector<TokenId>& out) const {
  for (std::size_t begin = 0; begin < piece.size();) {
    Trie::Node node = begin == 0 ? Trie::kRoot : continuing_;
    std::size_t longest = begin;
    TokenId id = 0;
    for (std::size_t end = begin; node != Trie::kNone && end < piece.size();) {
      node = trie_.child(node, static_cast<unsigned char>(piece[end++]));
      if (node == Trie::kNone || trie_.value(node) == Trie::kNoValue) continue;
      longest = end;
      id = trie_.value(node);
    }
    if (longest == begin) return false;
    out.push_back(id);
    begin = longest;
  }
  return true;
}

}  // namespace transom::text
