// SPDX-License-Identifier: Apache-2.0
/// Reads the "model" member of tokenizer.json.
#include <string>

#include "text/models/bpe.h"
#include "text/models/merge_list.h"
#include "text/models/unigram.h"
#include "text/models/word_level.h"
#include "text/models/word_piece.h"

namespace transom::text {

namespace {

PairTable load_merges(const io::Json& json, const Vocabulary& vocabulary, std::string_view prefix,
                      const JsonPath& path) {
  const std::vector<io::Json>& lines = json.as_array(path);
  MergeList merges(vocabulary, prefix, lines.size(), path);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].is_string()) {
      const std::string& line = lines[i].as_string({});
      if (!line.starts_with("#version")) merges.add_line(line, i);
      continue;
    }
    // ["left", "right"] is the only spelling that allows spaces in tokens. Its path is spelled out only when
    // something is wrong with it.
    const bool plain = lines[i].is_array() && lines[i].as_array({}).size() == 2 &&
                       lines[i].as_array({})[0].is_string() && lines[i].as_array({})[1].is_string();
    const JsonPath pair_path = plain ? path : path.element(i);
    const std::vector<io::Json>& pair = lines[i].as_array(pair_path);
    if (pair.size() != 2) pair_path.fail(core::message("expected two tokens, found ", pair.size()));
    merges.add(pair[0].as_string(pair_path), pair[1].as_string(pair_path), i);
  }
  return merges.take();
}

std::unique_ptr<Model> load_bpe(const io::Json& json, const JsonPath& path) {
  BpeOptions options;
  if (json.find_value("unk_token") != nullptr) options.unk_token = string_member(json, "unk_token", "", path);
  options.continuing_subword_prefix = string_member(json, "continuing_subword_prefix", "", path);
  options.end_of_word_suffix = string_member(json, "end_of_word_suffix", "", path);
  options.fuse_unk = bool_member(json, "fuse_unk", false, path);
  options.byte_fallback = bool_member(json, "byte_fallback", false, path);
  options.ignore_merges = bool_member(json, "ignore_merges", false, path);
  // "dropout" is for training: with it the same text would give other ids each time.

  Vocabulary vocabulary = load_vocabulary(json.at("vocab", path), path.member("vocab"));
  std::optional<TokenId> unk_id;
  if (options.unk_token) {
    unk_id = vocabulary.find(*options.unk_token);  // a missing one matters only when it is needed
  }
  PairTable merges = load_merges(json.at("merges", path), vocabulary, options.continuing_subword_prefix,
                                 path.member("merges"));
  return std::make_unique<BpeModel>(std::move(vocabulary), std::move(merges), std::move(options), unk_id);
}

/// The time that Unigram and WordPiece take grows with the longest token.
/// @throws UnsupportedError
void check_token_lengths(const Vocabulary& vocabulary, const JsonPath& path) {
  constexpr std::size_t kMaxTokenBytes = 1024;
  for (std::size_t i = 0; i < vocabulary.id_end(); ++i) {
    const std::optional<std::string_view> token = vocabulary.spelling(static_cast<TokenId>(i));
    if (!token || token->size() <= kMaxTokenBytes) continue;
    path.unsupported(core::message("token ", i, " has ", token->size(), " bytes, at most ", kMaxTokenBytes,
                                   " are supported"));
  }
}

/// Reads [["token", score], ...]; the id of a token is its place.
void load_scored_vocabulary(const io::Json& json, const JsonPath& path, Vocabulary& vocabulary,
                            std::vector<double>& scores) {
  const std::vector<io::Json>& list = json.as_array(path);
  if (list.size() >= static_cast<std::size_t>(kMaxTokenId)) {
    path.unsupported(core::message("expected fewer than ", kMaxTokenId, " tokens, found ", list.size()));
  }
  scores.reserve(list.size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    const bool plain =
        list[i].is_array() && list[i].as_array({}).size() == 2 && list[i].as_array({})[0].is_string();
    const JsonPath entry_path = plain ? path : path.element(i);
    const std::vector<io::Json>& entry = list[i].as_array(entry_path);
    if (entry.size() != 2) entry_path.fail("expected a token and its score");
    vocabulary.add(entry[0].as_string(entry_path), static_cast<TokenId>(i), true);
    scores.push_back(entry[1].as_double(entry_path));
  }
}

std::unique_ptr<Model> load_unigram(const io::Json& json, const JsonPath& path) {
  Vocabulary vocabulary;
  std::vector<double> scores;
  load_scored_vocabulary(json.at("vocab", path), path.member("vocab"), vocabulary, scores);
  check_token_lengths(vocabulary, path.member("vocab"));
  UnigramOptions options;
  options.byte_fallback = bool_member(json, "byte_fallback", false, path);
  if (const io::Json* unk = json.find_value("unk_id")) {
    options.unk_id = read_token_id(*unk, path.member("unk_id"));
    if (!vocabulary.spelling(*options.unk_id)) {
      path.member("unk_id").fail(
          core::message("expected the place of one of ", scores.size(), " tokens, found ", *options.unk_id));
    }
  }
  return std::make_unique<UnigramModel>(std::move(vocabulary), std::move(scores), options);
}

std::unique_ptr<Model> load_word_piece(const io::Json& json, const JsonPath& path) {
  WordPieceOptions options;
  options.unk_token = string_member(json, "unk_token", options.unk_token, path);
  options.continuing_subword_prefix =
      string_member(json, "continuing_subword_prefix", options.continuing_subword_prefix, path);
  if (const io::Json* most = json.find_value("max_input_chars_per_word")) {
    const std::int64_t n = most->as_int(path.member("max_input_chars_per_word"));
    if (n < 0) path.member("max_input_chars_per_word").fail(core::message("expected 0 or more, found ", n));
    options.max_input_chars_per_word = static_cast<std::size_t>(n);
  }
  Vocabulary vocabulary = load_vocabulary(json.at("vocab", path), path.member("vocab"));
  check_token_lengths(vocabulary, path.member("vocab"));
  return std::make_unique<WordPieceModel>(std::move(vocabulary), std::move(options));
}

std::unique_ptr<Model> load_word_level(const io::Json& json, const JsonPath& path) {
  Vocabulary vocabulary = load_vocabulary(json.at("vocab", path), path.member("vocab"));
  return std::make_unique<WordLevelModel>(std::move(vocabulary),
                                          string_member(json, "unk_token", "<unk>", path));
}

/// The type of a file from before types were written down, by its members.
std::string guess_type(const io::Json& json) {
  if (json.find("merges") != nullptr) return "BPE";
  if (json.find("unk_id") != nullptr) return "Unigram";
  if (json.find("continuing_subword_prefix") != nullptr) return "WordPiece";
  return json.find("unk_token") != nullptr ? "WordLevel" : "";
}

}  // namespace

std::unique_ptr<Model> load_model(const io::Json& json, const JsonPath& path) {
  json.as_object(path);
  const io::Json* type = json.find_value("type");
  const std::string name = type != nullptr ? type->as_string(path.member("type")) : guess_type(json);
  if (name == "BPE") return load_bpe(json, path);
  if (name == "Unigram") return load_unigram(json, path);
  if (name == "WordPiece") return load_word_piece(json, path);
  if (name == "WordLevel") return load_word_level(json, path);
  if (type == nullptr) path.fail("missing member \"type\"");
  path.member("type").unsupported(core::message("unknown model type \"", name, "\""));
}

}  // namespace transom::text
