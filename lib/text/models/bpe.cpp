// SPDX-License-Identifier: Apache-2.0
#include "text/models/bpe.h"

#include <algorithm>

#include "text/utf8.h"

namespace transom::text {

namespace {

constexpr std::size_t kDirectCharacters = 0x10000;

// Where scanning all ranks again after each merge stops being cheaper than a heap.
constexpr std::size_t kShortSymbols = 48;

}  // namespace

BpeModel::BpeModel(Vocabulary vocabulary, PairTable merges, BpeOptions options, std::optional<TokenId> unk_id)
    : vocabulary_(std::move(vocabulary)),
      merges_(std::move(merges)),
      options_(std::move(options)),
      unk_id_(unk_id),
      id_of_character_(kDirectCharacters, -1),
      byte_tokens_(vocabulary_),
      boundaries_(merges_) {
  for (std::size_t id = 0; id < vocabulary_.id_end(); ++id) {
    const std::string_view token = vocabulary_.spelling(static_cast<TokenId>(id)).value_or("");
    if (token.empty() || utf8_length(token[0]) != token.size()) continue;
    const char* p = token.data();
    const char32_t character = next_code_point(p);
    if (character < kDirectCharacters) id_of_character_[character] = static_cast<TokenId>(id);
  }
}

void BpeModel::tokenize(std::string_view piece, std::vector<TokenId>& out) const {
  if (piece.empty()) return;
  if (options_.ignore_merges) {
    if (const std::optional<TokenId> whole = vocabulary_.find(piece)) {
      out.push_back(*whole);
      return;
    }
  }
  const std::size_t begin = out.size();
  append_symbols(piece, out);
  const std::size_t n = out.size() - begin;
  if (n < 2) return;
  TokenId* const ids = out.data() + begin;
  out.resize(begin + (n <= kShortSymbols ? merge_short(merges_, ids, n) : merge_between_boundaries(ids, n)));
}

std::size_t BpeModel::merge_between_boundaries(TokenId* ids, std::size_t n) const {
  std::size_t n_merged = 0;  // ids that are done, at the front
  for (std::size_t begin = 0; begin < n;) {
    std::size_t end = begin + 1;
    while (end < n && boundaries_.may_join(ids[end - 1], ids[end])) ++end;
    const std::size_t size = end - begin;
    const std::size_t left = size <= kShortSymbols ? merge_short(merges_, ids + begin, size)
                                                   : merge_long(merges_, ids + begin, size);
    if (n_merged != begin) std::copy(ids + begin, ids + begin + left, ids + n_merged);
    n_merged += left;
    begin = end;
  }
  return n_merged;
}

void BpeModel::append_symbols(std::string_view piece, std::vector<TokenId>& out) const {
  bool pending_unk = false;
  for (std::size_t i = 0; i < piece.size();) {
    const std::string_view character = piece.substr(i, utf8_length(piece[i]));
    const bool is_first = i == 0;
    i += character.size();
    const bool is_last = i == piece.size();
    if (const std::optional<TokenId> id = find_symbol(character, is_first, is_last)) {
      if (pending_unk) out.push_back(*unk_id_);
      pending_unk = false;
      out.push_back(*id);
      continue;
    }
    // A pending unknown stays pending across bytes: the reference implementation does not flush it here.
    if (options_.byte_fallback && byte_tokens_.append(decorated(character, is_first, is_last), out)) continue;
    if (!options_.unk_token) continue;  // the character is dropped
    if (!unk_id_) {
      throw FormatError(core::message("model.unk_token: the text has the unknown character \"", character,
                                      "\", and the token \"", *options_.unk_token,
                                      "\" that should stand for it is not in the vocabulary"));
    }
    if (pending_unk && !options_.fuse_unk) out.push_back(*unk_id_);
    pending_unk = true;
  }
  if (pending_unk) out.push_back(*unk_id_);
}

std::optional<TokenId> BpeModel::find_symbol(std::string_view character, bool is_first, bool is_last) const {
  const bool plain = (is_first || options_.continuing_subword_prefix.empty()) &&
                     (!is_last || options_.end_of_word_suffix.empty());
  if (!plain) return vocabulary_.find(decorated(character, is_first, is_last));
  const char* p = character.data();
  const char32_t code_point = next_code_point(p);
  if (code_point >= kDirectCharacters) return vocabulary_.find(character);
  const TokenId id = id_of_character_[code_point];
  return id >= 0 ? std::optional(id) : std::nullopt;
}

std::string BpeModel::decorated(std::string_view character, bool is_first, bool is_last) const {
  std::string symbol;
  if (!is_first) symbol = options_.continuing_subword_prefix;
  symbol.append(character);
  if (is_last) symbol.append(options_.end_of_word_suffix);
  return symbol;
}

}  // namespace transom::text
