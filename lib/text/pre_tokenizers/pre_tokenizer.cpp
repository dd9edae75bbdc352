// SPDX-License-Identifier: Apache-2.0
#include "text/pre_tokenizers/pre_tokenizer.h"

#include <utility>

#include "text/byte_alphabet.h"
#include "text/growth.h"
#include "text/metaspace.h"
#include "text/patterns/scanners.h"
#include "text/pre_tokenizers/cut.h"
#include "text/pre_tokenizers/split.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace transom::text {

namespace {

/// Rewrites each piece with `rewrite(piece text, piece, out)`, which appends to `out`.
template <typename Rewrite>
void rewrite_pieces(PieceList& list, const Rewrite& rewrite) {
  std::string out;
  out.reserve(list.text.size() + list.text.size() / 4 + 16);
  for (Piece& piece : list.pieces) {
    const std::size_t begin = out.size();
    rewrite(list.view(piece), piece, out);
    piece.begin = begin;
    piece.end = out.size();
  }
  list.text.swap(out);
}

/// Cuts by the GPT-2 expression and spells every byte as a character.
class ByteLevelPreTokenizer final : public PreTokenizer {
 public:
  ByteLevelPreTokenizer(bool add_prefix_space, bool use_regex, const JsonPath& path)
      : add_prefix_space_(add_prefix_space) {
    if (use_regex) {
      split_ = std::make_unique<SplitPreTokenizer>(make_regex(std::string(kGpt2Expression), path),
                                                   SplitBehavior::isolated, false);
    }
  }

  void apply(PieceList& list) const override {
    if (add_prefix_space_) {
      rewrite_pieces(list, [](std::string_view text, const Piece&, std::string& out) {
        if (!text.starts_with(' ')) out.push_back(' ');
        out.append(text);
      });
    }
    if (split_ != nullptr) split_->apply(list);
    rewrite_pieces(list, [](std::string_view text, const Piece&, std::string& out) {
      append_byte_characters(text, out);
    });
  }

 private:
  bool add_prefix_space_;
  std::unique_ptr<PreTokenizer> split_;
};

/// Spells spaces as the replacement (usually U+2581) and cuts before it.
class MetaspacePreTokenizer final : public PreTokenizer {
 public:
  MetaspacePreTokenizer(MetaspaceOptions options, const JsonPath& path) : options_(std::move(options)) {
    if (options_.split) {
      split_ = std::make_unique<SplitPreTokenizer>(make_literal(options_.replacement, path),
                                                   SplitBehavior::merged_with_next, false);
    }
  }

  void apply(PieceList& list) const override {
    rewrite_pieces(list, [this](std::string_view text, const Piece& piece, std::string& out) {
      const bool has_prefix = text.starts_with(' ') || text.starts_with(options_.replacement);
      const bool wanted = options_.prepend_scheme == PrependScheme::always ||
                          (options_.prepend_scheme == PrependScheme::first && piece.at_start);
      if (wanted && !has_prefix) out.append(options_.replacement);
      for (const char c : text) {
        if (c == ' ') {
          out.append(options_.replacement);
        } else {
          out.push_back(c);
        }
      }
    });
    if (split_ != nullptr) split_->apply(list);
  }

 private:
  MetaspaceOptions options_;
  std::unique_ptr<PreTokenizer> split_;
};

class SequencePreTokenizer final : public PreTokenizer {
 public:
  explicit SequencePreTokenizer(std::vector<std::unique_ptr<PreTokenizer>> steps)
      : steps_(std::move(steps)) {}

  void apply(PieceList& list) const override {
    const std::size_t original = list.text.size();
    for (const std::unique_ptr<PreTokenizer>& step : steps_) {
      step->apply(list);
      check_growth(original, list.text.size());
    }
  }

 private:
  std::vector<std::unique_ptr<PreTokenizer>> steps_;
};

using PreTokenizerPtr = std::unique_ptr<PreTokenizer>;

PreTokenizerPtr split_by(std::unique_ptr<Pattern> pattern, SplitBehavior behavior, bool invert = false) {
  return std::make_unique<SplitPreTokenizer>(std::move(pattern), behavior, invert);
}

SplitBehavior behavior_member(const io::Json& json, SplitBehavior fallback, const JsonPath& path) {
  const io::Json* value = json.find_value("behavior");
  return value == nullptr ? fallback : load_split_behavior(*value, path.member("behavior"));
}

PreTokenizerPtr load_sequence(const io::Json& json, const JsonPath& path) {
  const JsonPath list_path = path.member("pretokenizers");
  std::vector<PreTokenizerPtr> steps;
  std::size_t i = 0;
  for (const io::Json& step : json.at("pretokenizers", path).as_array(list_path)) {
    PreTokenizerPtr pre_tokenizer = load_pre_tokenizer(step, list_path.element(i++));
    if (pre_tokenizer != nullptr) steps.push_back(std::move(pre_tokenizer));
  }
  return std::make_unique<SequencePreTokenizer>(std::move(steps));
}

/// Words and runs of other characters; spaces are dropped. Oniguruma's \w lacks Join_Control, hence the two
/// characters beside it.
PreTokenizerPtr make_whitespace(const JsonPath& path) {
  return split_by(make_regex(R"([\w\x{200C}\x{200D}]+|[^\w\s\x{200C}\x{200D}]+)", path),
                  SplitBehavior::removed, true);
}

PreTokenizerPtr make_bert() {
  std::vector<PreTokenizerPtr> steps;
  steps.push_back(split_by(make_char_pattern(is_space), SplitBehavior::removed));
  steps.push_back(split_by(make_char_pattern(is_punctuation), SplitBehavior::isolated));
  return std::make_unique<SequencePreTokenizer>(std::move(steps));
}

PreTokenizerPtr load_char_delimiter(const io::Json& json, const JsonPath& path) {
  const std::string& delimiter = required_string(json, "delimiter", path);
  if (delimiter.empty() || utf8_length(delimiter[0]) != delimiter.size()) {
    path.member("delimiter").fail(core::message("expected one character, found \"", delimiter, "\""));
  }
  return split_by(make_literal(delimiter, path), SplitBehavior::removed);
}

PreTokenizerPtr load_fixed_length(const io::Json& json, const JsonPath& path) {
  constexpr std::int64_t kDefaultLength = 5;
  const io::Json* const member = json.find_value("length");
  const std::int64_t length = member == nullptr ? kDefaultLength : member->as_int(path.member("length"));
  if (length < 1) path.member("length").fail(core::message("expected 1 or more, found ", length));
  return make_fixed_length(static_cast<std::size_t>(length));
}

}  // namespace

std::unique_ptr<PreTokenizer> load_pre_tokenizer(const io::Json& json, const JsonPath& path) {
  if (json.is_null()) return nullptr;
  const std::string& type = required_string(json, "type", path);
  if (type == "Sequence") return load_sequence(json, path);
  if (type == "ByteLevel") {
    return std::make_unique<ByteLevelPreTokenizer>(bool_member(json, "add_prefix_space", true, path),
                                                   bool_member(json, "use_regex", true, path), path);
  }
  if (type == "Split") {
    return split_by(load_pattern(json.at("pattern", path), path.member("pattern")),
                    load_split_behavior(json.at("behavior", path), path.member("behavior")),
                    bool_member(json, "invert", false, path));
  }
  if (type == "Digits") {
    const bool individual = bool_member(json, "individual_digits", false, path);
    return split_by(make_char_pattern(is_number),
                    individual ? SplitBehavior::isolated : SplitBehavior::contiguous);
  }
  if (type == "Punctuation") {
    return split_by(make_char_pattern(is_punctuation), behavior_member(json, SplitBehavior::isolated, path));
  }
  if (type == "Whitespace") return make_whitespace(path);
  if (type == "WhitespaceSplit") return split_by(make_char_pattern(is_space), SplitBehavior::removed);
  if (type == "Metaspace") {
    return std::make_unique<MetaspacePreTokenizer>(load_metaspace(json, path), path);
  }
  if (type == "BertPreTokenizer") return make_bert();
  if (type == "CharDelimiterSplit") return load_char_delimiter(json, path);
  if (type == "UnicodeScripts") return make_unicode_scripts();
  if (type == "FixedLength") return load_fixed_length(json, path);
  path.member("type").unsupported(core::message("pre-tokenizer \"", type, "\" is not supported"));
}

}  // namespace transom::text
