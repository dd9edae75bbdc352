// SPDX-License-Identifier: Apache-2.0
#include "text/decoders/decoder.h"

#include <array>
#include <utility>

#include "text/decoders/decode_stages.h"
#include "text/metaspace.h"
#include "text/patterns/pattern.h"
#include "text/utf8.h"

namespace transom::text {

namespace {

constexpr std::size_t kMaxStages = 64;
constexpr std::size_t kMaxLiteralBytes = 4096;
constexpr std::int64_t kMaxStripped = 1 << 20;

std::size_t strip_count(const io::Json& json, std::string_view key, const JsonPath& path) {
  const std::int64_t count = json.at(key, path).as_int(path.member(key));
  if (count < 0 || count > kMaxStripped) {
    path.member(key).fail(core::message("expected 0 to ", kMaxStripped, ", found ", count));
  }
  return static_cast<std::size_t>(count);
}

DecodeStageFactory load_strip(const io::Json& json, const JsonPath& path) {
  const std::string content = required_string(json, "content", path);
  if (content.empty() || utf8_length(content[0]) != content.size()) {
    path.member("content").fail(core::message("expected one character, found \"", content, "\""));
  }
  const std::size_t start = strip_count(json, "start", path);
  const std::size_t stop = strip_count(json, "stop", path);
  return [=](DecodeStage& next) { return make_strip_stage(content, start, stop, next); };
}

DecodeStageFactory load_replace(const io::Json& json, const JsonPath& path) {
  const JsonPath pattern_path = path.member("pattern");
  const io::Json& pattern_json = json.at("pattern", path);
  const std::string content = required_string(json, "content", path);
  if (const io::Json* literal_json = pattern_json.find("String")) {
    const std::string literal = literal_json->as_string(pattern_path.member("String"));
    if (literal.size() > kMaxLiteralBytes) {
      pattern_path.unsupported(core::message("literal of ", literal.size(), " bytes, at most ",
                                             kMaxLiteralBytes, " are supported"));
    }
    if (!literal.empty()) {
      return [=](DecodeStage& next) { return make_replace_literal_stage(literal, content, next); };
    }
  }
  const std::shared_ptr<const Pattern> pattern = load_pattern(pattern_json, pattern_path);
  return [=](DecodeStage& next) { return make_replace_pattern_stage(pattern, content, next); };
}

/// A string member that is not empty.
std::string text_member(const io::Json& json, std::string_view key, std::string_view fallback,
                        const JsonPath& path) {
  std::string text = string_member(json, key, fallback, path);
  if (text.empty()) path.member(key).unsupported("an empty text is not supported");
  return text;
}

DecodeStageFactory load_word_piece(const io::Json& json, const JsonPath& path) {
  const std::string prefix = string_member(json, "prefix", "##", path);
  const bool cleanup = bool_member(json, "cleanup", true, path);
  return [=](DecodeStage& next) { return make_word_piece_stage(prefix, cleanup, next); };
}

DecodeStageFactory load_bpe(const io::Json& json, const JsonPath& path) {
  const std::string suffix = text_member(json, "suffix", "</w>", path);
  return [=](DecodeStage& next) { return make_suffix_stage(suffix, next); };
}

DecodeStageFactory load_ctc(const io::Json& json, const JsonPath& path) {
  const std::string pad = string_member(json, "pad_token", "<pad>", path);
  const std::string delimiter = text_member(json, "word_delimiter_token", "|", path);
  const bool cleanup = bool_member(json, "cleanup", true, path);
  return [=](DecodeStage& next) { return make_ctc_stage(pad, delimiter, cleanup, next); };
}

void append_stages(const io::Json& json, const JsonPath& path, std::vector<DecodeStageFactory>& out) {
  if (out.size() >= kMaxStages)
    path.unsupported(core::message("more than ", kMaxStages, " decoders in a row"));
  const std::string& type = required_string(json, "type", path);
  if (type == "Sequence") {
    const JsonPath list_path = path.member("decoders");
    std::size_t i = 0;
    for (const io::Json& step : json.at("decoders", path).as_array(list_path)) {
      append_stages(step, list_path.element(i++), out);
    }
  } else if (type == "ByteLevel") {
    out.emplace_back(make_byte_level_stage);
  } else if (type == "ByteFallback") {
    out.emplace_back(make_byte_fallback_stage);
  } else if (type == "Fuse") {
    out.emplace_back(make_fuse_stage);
  } else if (type == "Strip") {
    out.push_back(load_strip(json, path));
  } else if (type == "Replace") {
    out.push_back(load_replace(json, path));
  } else if (type == "Metaspace") {
    const MetaspaceOptions options = load_metaspace(json, path);
    out.emplace_back([options](DecodeStage& next) {
      return make_metaspace_stage(options.replacement, options.prepend_scheme != PrependScheme::never, next);
    });
  } else if (type == "WordPiece") {
    out.push_back(load_word_piece(json, path));
  } else if (type == "BPEDecoder") {
    out.push_back(load_bpe(json, path));
  } else if (type == "CTC") {
    out.push_back(load_ctc(json, path));
  } else {
    path.member("type").unsupported(core::message("decoder \"", type, "\" is not supported"));
  }
}

}  // namespace

std::vector<DecodeStageFactory> clean_up_stages() {
  // Each replacement sees what the one before it made.
  static constexpr std::array<std::pair<const char*, const char*>, 10> kRules = {{{" .", "."},
                                                                                  {" ?", "?"},
                                                                                  {" !", "!"},
                                                                                  {" ,", ","},
                                                                                  {" ' ", "'"},
                                                                                  {" n't", "n't"},
                                                                                  {" 'm", "'m"},
                                                                                  {" 's", "'s"},
                                                                                  {" 've", "'ve"},
                                                                                  {" 're", "'re"}}};
  std::vector<DecodeStageFactory> stages = {make_fuse_stage};
  for (const auto& [literal, content] : kRules) {
    stages.emplace_back([literal = literal, content = content](DecodeStage& next) {
      return make_replace_literal_stage(literal, content, next);
    });
  }
  return stages;
}

std::vector<DecodeStageFactory> load_decoder(const io::Json& json, const JsonPath& path) {
  std::vector<DecodeStageFactory> stages;
  if (json.is_null()) {
    stages.emplace_back(make_join_stage);
  } else {
    append_stages(json, path, stages);
  }
  return stages;
}

}  // namespace transom::text
