// SPDX-License-Identifier: Apache-2.0
#include "text/normalizers/normalizer.h"

#include <utility>
#include <vector>

#include "text/byte_alphabet.h"
#include "text/growth.h"
#include "text/normalizers/bert.h"
#include "text/normalizers/precompiled.h"
#include "text/normalizers/unicode_form.h"
#include "text/patterns/pattern.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace transom::text {

namespace {

class FormNormalizer final : public Normalizer {
 public:
  explicit FormNormalizer(UnicodeForm form) : form_(form) {}
  std::string normalize(std::string text) const override { return to_form(text, form_); }

 private:
  UnicodeForm form_;
};

class LowercaseNormalizer final : public Normalizer {
 public:
  std::string normalize(std::string text) const override { return to_lower(text); }
};

/// Removes whitespace at the ends.
class StripNormalizer final : public Normalizer {
 public:
  StripNormalizer(bool left, bool right) : left_(left), right_(right) {}

  std::string normalize(std::string text) const override {
    std::size_t first = 0;  // begin of the first character that is no space
    std::size_t last = 0;   // end of the last one
    bool seen = false;
    for (std::size_t i = 0; i < text.size();) {
      const char* p = text.data() + i;
      const bool space = is_space(next_code_point(p));
      const auto next = static_cast<std::size_t>(p - text.data());
      if (!space) {
        if (!seen) first = i;
        seen = true;
        last = next;
      }
      i = next;
    }
    if (!seen) return left_ || right_ ? std::string() : text;
    const std::size_t begin = left_ ? first : 0;
    return text.substr(begin, (right_ ? last : text.size()) - begin);
  }

 private:
  bool left_;
  bool right_;
};

/// Removes combining marks; meant to stand behind NFD.
class StripAccentsNormalizer final : public Normalizer {
 public:
  std::string normalize(std::string text) const override {
    std::string out;
    out.reserve(text.size());
    for_each_character(text, [&](char32_t c, std::string_view bytes) {
      if (!is_mark(c)) out.append(bytes);
    });
    return out;
  }
};

/// Of the control characters, those go that mean nothing in a text; what spaces out or joins becomes a space.
class NmtNormalizer final : public Normalizer {
 public:
  std::string normalize(std::string text) const override {
    std::string out;
    out.reserve(text.size());
    for_each_character(text, [&](char32_t c, std::string_view bytes) {
      if (!is_removed(c)) out.append(becomes_space(c) ? " " : bytes);
    });
    return out;
  }

 private:
  static bool is_removed(char32_t c) {
    return (c >= 0x01 && c <= 0x08) || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F || c == 0x8F ||
           c == 0x9F;
  }
  static bool becomes_space(char32_t c) {
    return c == 0x09 || c == 0x0A || c == 0x0C || c == 0x0D || c == 0x1680 || (c >= 0x200B && c <= 0x200F) ||
           c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xFEFF || c == 0xFFFD;
  }
};

class PrependNormalizer final : public Normalizer {
 public:
  explicit PrependNormalizer(std::string prefix) : prefix_(std::move(prefix)) {}
  std::string normalize(std::string text) const override {
    if (text.empty()) return text;
    check_growth(text.size(), prefix_.size());
    return prefix_ + text;
  }

 private:
  std::string prefix_;
};

class ReplaceNormalizer final : public Normalizer {
 public:
  ReplaceNormalizer(std::unique_ptr<Pattern> pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}

  std::string normalize(std::string text) const override {
    std::vector<Match> matches;
    pattern_->find_all(text, matches);
    if (matches.empty()) return text;
    check_growth(text.size(), matches.size() * content_.size());
    std::string out;
    out.reserve(text.size() + matches.size() * content_.size());
    std::size_t done = 0;
    for (const Match& match : matches) {
      out.append(text, done, match.begin - done);
      out.append(content_);
      done = match.end;
    }
    out.append(text, done);
    return out;
  }

 private:
  std::unique_ptr<Pattern> pattern_;
  std::string content_;
};

class ByteLevelNormalizer final : public Normalizer {
 public:
  std::string normalize(std::string text) const override {
    std::string out;
    out.reserve(2 * text.size());
    append_byte_characters(text, out);
    return out;
  }
};

class SequenceNormalizer final : public Normalizer {
 public:
  explicit SequenceNormalizer(std::vector<std::unique_ptr<Normalizer>> steps) : steps_(std::move(steps)) {}

  std::string normalize(std::string text) const override {
    const std::size_t original = text.size();
    for (const std::unique_ptr<Normalizer>& step : steps_) {
      text = step->normalize(std::move(text));
      check_growth(original, text.size());
    }
    return text;
  }

 private:
  std::vector<std::unique_ptr<Normalizer>> steps_;
};

std::unique_ptr<Normalizer> load_sequence(const io::Json& json, const JsonPath& path) {
  const JsonPath list_path = path.member("normalizers");
  std::vector<std::unique_ptr<Normalizer>> steps;
  std::size_t i = 0;
  for (const io::Json& step : json.at("normalizers", path).as_array(list_path)) {
    std::unique_ptr<Normalizer> normalizer = load_normalizer(step, list_path.element(i++));
    if (normalizer != nullptr) steps.push_back(std::move(normalizer));
  }
  if (steps.empty()) return nullptr;
  return std::make_unique<SequenceNormalizer>(std::move(steps));
}

}  // namespace

std::unique_ptr<Normalizer> load_normalizer(const io::Json& json, const JsonPath& path) {
  if (json.is_null()) return nullptr;
  const std::string& type = required_string(json, "type", path);
  if (type == "NFC") return std::make_unique<FormNormalizer>(UnicodeForm::nfc);
  if (type == "NFD") return std::make_unique<FormNormalizer>(UnicodeForm::nfd);
  if (type == "NFKC") return std::make_unique<FormNormalizer>(UnicodeForm::nfkc);
  if (type == "NFKD") return std::make_unique<FormNormalizer>(UnicodeForm::nfkd);
  if (type == "Lowercase") return std::make_unique<LowercaseNormalizer>();
  if (type == "StripAccents") return std::make_unique<StripAccentsNormalizer>();
  if (type == "Nmt") return std::make_unique<NmtNormalizer>();
  if (type == "BertNormalizer") return load_bert_normalizer(json, path);
  if (type == "Precompiled") return load_precompiled(json, path);
  if (type == "ByteLevel") return std::make_unique<ByteLevelNormalizer>();
  if (type == "Sequence") return load_sequence(json, path);
  if (type == "Prepend") return std::make_unique<PrependNormalizer>(required_string(json, "prepend", path));
  if (type == "Strip") {
    return std::make_unique<StripNormalizer>(bool_member(json, "strip_left", true, path),
                                             bool_member(json, "strip_right", true, path));
  }
  if (type == "Replace") {
    return std::make_unique<ReplaceNormalizer>(load_pattern(json.at("pattern", path), path.member("pattern")),
                                               required_string(json, "content", path));
  }
  path.member("type").unsupported(core::message("normalizer \"", type, "\" is not supported"));
}

}  // namespace transom::text
