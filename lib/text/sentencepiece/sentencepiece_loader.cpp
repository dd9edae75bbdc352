// SPDX-License-Identifier: Apache-2.0
#include "text/sentencepiece/sentencepiece_loader.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "text/models/bpe.h"
#include "text/models/unigram.h"
#include "text/sentencepiece/model_file.h"
#include "text/sentencepiece/whitespace.h"
#include "text/tokenizer_loader.h"

namespace transom::text {

namespace {

using File = SentencePieceFile;

Vocabulary make_vocabulary(const File& file, const std::string& where) {
  Vocabulary vocabulary;
  std::size_t n_bytes = 0;
  for (const File::Piece& piece : file.pieces) n_bytes += piece.text.size();
  vocabulary.reserve(file.pieces.size(), n_bytes);
  for (std::size_t i = 0; i < file.pieces.size(); ++i) {
    if (vocabulary.add(file.pieces[i].text, static_cast<TokenId>(i)) != Vocabulary::Added::ok) {
      throw FormatError(core::message(where, ": piece ", i, ": \"", file.pieces[i].text, "\" appears twice"));
    }
  }
  return vocabulary;
}

std::optional<TokenId> find_unknown(const File& file, const std::string& where) {
  std::optional<TokenId> found;
  for (std::size_t i = 0; i < file.pieces.size(); ++i) {
    if (file.pieces[i].kind != File::Kind::unknown) continue;
    if (found) throw FormatError(core::message(where, ": piece ", i, " is the second unknown token"));
    found = static_cast<TokenId>(i);
  }
  return found;
}

std::unique_ptr<Model> make_unigram(const File& file, Vocabulary vocabulary, std::optional<TokenId> unk_id) {
  std::vector<double> scores;
  std::vector<bool> excluded;
  for (const File::Piece& piece : file.pieces) {
    scores.push_back(piece.score);
    excluded.push_back(piece.kind != File::Kind::normal);
  }
  return std::make_unique<UnigramModel>(std::move(vocabulary), std::move(scores),
                                        UnigramOptions{unk_id, file.byte_fallback}, excluded);
}

/// Calls visit(left, right, merged) for each way to cut a normal piece into two.
template <typename Visit>
void for_each_cut(const File& file, const Vocabulary& vocabulary, const Visit& visit) {
  const auto find_normal = [&](std::string_view text) {
    const std::optional<TokenId> id = vocabulary.find(text);
    const bool normal = id && file.pieces[static_cast<std::size_t>(*id)].kind == File::Kind::normal;
    return normal ? id : std::nullopt;
  };
  for (std::size_t i = 0; i < file.pieces.size(); ++i) {
    if (file.pieces[i].kind != File::Kind::normal) continue;
    const std::string_view text = file.pieces[i].text;
    for (std::size_t cut = 1; cut < text.size(); ++cut) {
      const std::optional<TokenId> left = find_normal(text.substr(0, cut));
      if (!left) continue;
      const std::optional<TokenId> right = find_normal(text.substr(cut));
      if (right) visit(*left, *right, static_cast<TokenId>(i));
    }
  }
}

/// SentencePiece merges the pair whose joint piece has the highest score, the leftmost of equals. So the rank
/// of a merge is the place of its score among all scores, and equal scores share a rank.
std::unique_ptr<Model> make_bpe(const File& file, Vocabulary vocabulary, std::optional<TokenId> unk_id) {
  std::vector<float> scores;
  for (const File::Piece& piece : file.pieces) scores.push_back(piece.score);
  std::sort(scores.begin(), scores.end(), std::greater<>());
  scores.erase(std::unique(scores.begin(), scores.end()), scores.end());

  std::size_t n_merges = 0;
  const bool merges_at_all = file.algorithm == File::Algorithm::bpe;  // a character model has no merges
  if (merges_at_all) for_each_cut(file, vocabulary, [&](TokenId, TokenId, TokenId) { ++n_merges; });
  PairTable merges(n_merges);
  if (merges_at_all) {
    for_each_cut(file, vocabulary, [&](TokenId left, TokenId right, TokenId merged) {
      const float score = file.pieces[static_cast<std::size_t>(merged)].score;
      const auto place = std::lower_bound(scores.begin(), scores.end(), score, std::greater<>());
      merges.put(left, right, {static_cast<std::uint32_t>(place - scores.begin()), merged});
    });
  }
  BpeOptions options;
  options.byte_fallback = file.byte_fallback;
  options.fuse_unk = true;
  if (unk_id) options.unk_token = file.pieces[static_cast<std::size_t>(*unk_id)].text;
  return std::make_unique<BpeModel>(std::move(vocabulary), std::move(merges), std::move(options), unk_id);
}

AddedTokens make_added_tokens(const File& file) {
  AddedTokens tokens;
  for (std::size_t i = 0; i < file.pieces.size(); ++i) {
    const File::Kind kind = file.pieces[i].kind;
    if (kind != File::Kind::control && kind != File::Kind::user_defined && kind != File::Kind::unknown)
      continue;
    AddedToken token;
    token.id = static_cast<TokenId>(i);
    token.content = file.pieces[i].text;
    token.special = kind != File::Kind::user_defined;
    tokens.add(std::move(token));
  }
  return tokens;
}

/// The decoder in the words of tokenizer.json.
io::Json decoder_of(const File& file) {
  std::string stages;
  if (file.escape_whitespaces) {
    stages += R"({"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},)";
  }
  if (file.byte_fallback) stages += R"({"type": "ByteFallback"},)";
  stages += R"({"type": "Fuse"})";
  if (file.add_dummy_prefix) stages += R"(,{"type": "Strip", "content": " ", "start": 1, "stop": 0})";
  return io::Json::parse(R"({"type": "Sequence", "decoders": [)" + stages + "]}", "decoder");
}

void check_supported(const File& file, const std::string& where) {
  if (file.algorithm == File::Algorithm::word) {
    throw UnsupportedError(core::message(where,
                                         ": a model of whole words; unigram, BPE and character models are "
                                         "supported"));
  }
  if (file.whitespace_as_suffix) {
    throw UnsupportedError(core::message(where, ": treat_whitespace_as_suffix is not supported"));
  }
  const bool has_unused = std::any_of(file.pieces.begin(), file.pieces.end(), [](const File::Piece& piece) {
    return piece.kind == File::Kind::unused;
  });
  if (has_unused && file.algorithm == File::Algorithm::bpe) {
    throw UnsupportedError(core::message(where, ": a BPE model with unused pieces is not supported"));
  }
}

}  // namespace

TokenizerImpl::Parts parts_from_sentencepiece(std::string_view bytes, const std::string& where,
                                              PrependScheme prefix) {
  const File file = parse_sentencepiece(bytes, where);
  check_supported(file, where);
  Vocabulary vocabulary = make_vocabulary(file, where);
  const std::optional<TokenId> unk_id = find_unknown(file, where);
  TokenizerImpl::Parts parts;
  for (const auto& [piece, ids] : {std::pair{&file.bos_piece, 0}, std::pair{&file.eos_piece, 1}}) {
    const std::optional<TokenId> id = vocabulary.find(*piece);
    if (!id || file.pieces[static_cast<std::size_t>(*id)].kind != File::Kind::control) continue;
    if (ids == 0) parts.bos_id = id;
    if (ids == 1) parts.eos_ids = {*id};
  }
  parts.model = file.algorithm == File::Algorithm::unigram ? make_unigram(file, std::move(vocabulary), unk_id)
                                                           : make_bpe(file, std::move(vocabulary), unk_id);
  parts.added = make_added_tokens(file);
  std::optional<Charsmap> map;
  if (!file.charsmap.empty()) {
    map.emplace(file.charsmap, JsonPath(where).member("normalizer_spec.precompiled_charsmap"));
  }
  parts.normalizer =
      make_sentencepiece_normalizer(std::move(map), {file.remove_extra_whitespaces, file.escape_whitespaces});
  if (file.add_dummy_prefix) parts.pre_tokenizer = make_dummy_prefix(prefix, file.escape_whitespaces);
  set_decoder(decoder_of(file), JsonPath(where), parts);
  return parts;
}

}  // namespace transom::text
