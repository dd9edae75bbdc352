// SPDX-License-Identifier: Apache-2.0
#include "text/normalizers/bert.h"

#include <utf8proc.h>

#include "text/normalizers/unicode_form.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace transom::text {

namespace {

utf8proc_category_t category(char32_t c) { return utf8proc_category(static_cast<utf8proc_int32_t>(c)); }

bool is_removed(char32_t c) {
  if (c == '\t' || c == '\n' || c == '\r') return false;
  if (c < 0x7F) return c < 0x20;
  const utf8proc_category_t kind = category(c);
  return c == kReplacementCharacter || kind == UTF8PROC_CATEGORY_CC || kind == UTF8PROC_CATEGORY_CF ||
         kind == UTF8PROC_CATEGORY_CO;
}

/// The ranges of the reference implementation, whose 2B920 was meant to be 2B820.
bool is_ideograph(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
         (c >= 0x2A700 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0x2F800 && c <= 0x2FA1F);
}

/// Writes each character with `write(code point, its bytes, out)`.
template <typename Write>
std::string rewrite(std::string_view text, const Write& write) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  for_each_character(text, [&](char32_t c, std::string_view bytes) { write(c, bytes, out); });
  return out;
}

std::string clean(std::string_view text) {
  return rewrite(text, [](char32_t c, std::string_view bytes, std::string& out) {
    if (!is_removed(c)) out.append(is_space(c) ? " " : bytes);
  });
}

std::string pad_ideographs(std::string_view text) {
  return rewrite(text, [](char32_t c, std::string_view bytes, std::string& out) {
    if (is_ideograph(c)) {
      out.append(" ").append(bytes).append(" ");
    } else {
      out.append(bytes);
    }
  });
}

std::string strip_accents(std::string_view text) {
  return rewrite(to_form(text, UnicodeForm::nfd), [](char32_t c, std::string_view bytes, std::string& out) {
    if (c < 0x80 || category(c) != UTF8PROC_CATEGORY_MN) out.append(bytes);
  });
}

class BertNormalizer final : public Normalizer {
 public:
  explicit BertNormalizer(const BertNormalizerOptions& options) : options_(options) {}

  std::string normalize(std::string text) const override {
    if (options_.clean_text) text = clean(text);
    if (options_.handle_chinese_chars) text = pad_ideographs(text);
    if (options_.strip_accents) text = strip_accents(text);
    if (options_.lowercase) text = to_lower(text);
    return text;
  }

 private:
  BertNormalizerOptions options_;
};

}  // namespace

std::unique_ptr<Normalizer> make_bert_normalizer(const BertNormalizerOptions& options) {
  return std::make_unique<BertNormalizer>(options);
}

std::unique_ptr<Normalizer> load_bert_normalizer(const io::Json& json, const JsonPath& path) {
  BertNormalizerOptions options;
  options.clean_text = bool_member(json, "clean_text", true, path);
  options.handle_chinese_chars = bool_member(json, "handle_chinese_chars", true, path);
  options.lowercase = bool_member(json, "lowercase", true, path);
  options.strip_accents = bool_member(json, "strip_accents", options.lowercase, path);
  return make_bert_normalizer(options);
}

}  // namespace transom::text
