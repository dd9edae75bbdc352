// SPDX-License-Identifier: Apache-2.0
/// Reads the "model" member of tokenizer.json.
#include <string>

#include "text/models/bpe.h"

namespace transom::text {

namespace {

struct MergeLine {
  std::string_view left;
  std::string_view right;
};

/// Reads "left right" or ["left", "right"]. The second spelling is the only one that allows spaces in tokens.
MergeLine read_merge(const io::Json& json, const JsonPath& merges_path, std::size_t index) {
  if (json.is_string()) {
    const std::string_view line = json.as_string({});
    const std::size_t space = line.find(' ');
    if (space == line.npos || line.find(' ', space + 1) != line.npos) {
      merges_path.element(index).fail(
          core::message("expected two tokens with one space between them, found \"", line, "\""));
    }
    return {line.substr(0, space), line.substr(space + 1)};
  }
  const JsonPath path = json.is_array() && json.as_array({}).size() == 2 &&
                                json.as_array({})[0].is_string() && json.as_array({})[1].is_string()
                            ? merges_path
                            : merges_path.element(index);
  const std::vector<io::Json>& pair = json.as_array(path);
  if (pair.size() != 2) path.fail(core::message("expected two tokens, found ", pair.size()));
  return {pair[0].as_string(path), pair[1].as_string(path)};
}

PairTable load_merges(const io::Json& json, const Vocabulary& vocabulary, std::string_view prefix,
                      const JsonPath& path) {
  const std::vector<io::Json>& lines = json.as_array(path);
  PairTable merges(lines.size());
  std::string joined;
  std::uint32_t rank = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].is_string() && lines[i].as_string({}).starts_with("#version")) continue;
    const MergeLine line = read_merge(lines[i], path, i);
    const auto id_of = [&](std::string_view token) {
      const std::optional<TokenId> id = vocabulary.find(token);
      if (!id) path.element(i).fail(core::message("token \"", token, "\" is not in the vocabulary"));
      return *id;
    };
    // The continuing prefix of the right part is left out of the result.
    if (line.right.size() < prefix.size()) {
      path.element(i).fail(
          core::message("token \"", line.right, "\" is shorter than the prefix \"", prefix, "\""));
    }
    joined.assign(line.left).append(line.right.substr(prefix.size()));
    merges.put(id_of(line.left), id_of(line.right), {rank, id_of(joined)});
    ++rank;
  }
  return merges;
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

}  // namespace

std::unique_ptr<Model> load_model(const io::Json& json, const JsonPath& path) {
  json.as_object(path);
  const io::Json* type = json.find_value("type");
  // Files from before the types were written down are recognised by their members.
  const std::string name = type != nullptr                  ? type->as_string(path.member("type"))
                           : json.find("merges") != nullptr ? "BPE"
                                                            : "";
  if (name == "BPE") return load_bpe(json, path);
  if (name == "Unigram" || name == "WordPiece" || name == "WordLevel") {
    path.member("type").unsupported(core::message("model type \"", name, "\" is not supported, only BPE is"));
  }
  if (type == nullptr) path.fail("missing member \"type\"");
  path.member("type").unsupported(core::message("unknown model type \"", name, "\""));
}

}  // namespace transom::text
