// SPDX-License-Identifier: Apache-2.0
#include "text/normalizers/precompiled.h"

#include <utf8proc.h>

#include <utility>

#include "text/growth.h"
#include "text/normalizers/charsmap.h"
#include "text/utf8.h"

namespace transom::text {

namespace {

// The reference implementation looks up shorter graphemes as a whole.
constexpr std::size_t kLongGrapheme = 6;  // bytes

/// The value of a base64 digit, or -1.
int digit_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

std::string decode_base64(std::string_view text, const JsonPath& path) {
  std::string_view digits = text;
  while (digits.ends_with('=') && text.size() - digits.size() < 2) digits.remove_suffix(1);
  if (text.size() % 4 != 0) path.fail(core::message("expected base64, found ", text.size(), " characters"));
  std::string out;
  out.reserve(text.size() / 4 * 3);
  unsigned bits = 0;
  int n_bits = 0;
  for (const char c : digits) {
    const int value = digit_value(c);
    if (value < 0) path.fail("expected base64, found another character");
    bits = ((bits << 6) | static_cast<unsigned>(value)) & 0xFFFF;
    n_bits += 6;
    if (n_bits < 8) continue;
    n_bits -= 8;
    out.push_back(static_cast<char>((bits >> n_bits) & 0xFF));
  }
  return out;
}

/// @return The end of the grapheme cluster (Unicode Standard Annex 29) that begins at `p`.
const char* grapheme_end(const char* p, const char* end) {
  utf8proc_int32_t state = 0;
  auto previous = static_cast<utf8proc_int32_t>(next_code_point(p));
  while (p != end) {
    const char* next = p;
    const auto c = static_cast<utf8proc_int32_t>(next_code_point(next));
    if (utf8proc_grapheme_break_stateful(previous, c, &state)) break;
    previous = c;
    p = next;
  }
  return p;
}

class PrecompiledNormalizer final : public Normalizer {
 public:
  explicit PrecompiledNormalizer(Charsmap map) : map_(std::move(map)) {}

  std::string normalize(std::string text) const override {
    std::string out;
    out.reserve(text.size() + text.size() / 8);
    const char* p = text.data();
    const char* const end = p + text.size();
    while (p != end) {
      const char* const stop = grapheme_end(p, end);
      const std::string_view grapheme(p, static_cast<std::size_t>(stop - p));
      p = stop;
      check_growth(text.size(), out.size());
      if (grapheme.size() < kLongGrapheme && replace(grapheme, out)) continue;
      for (std::size_t i = 0; i < grapheme.size();) {
        const std::string_view character = grapheme.substr(i, utf8_length(grapheme[i]));
        if (!replace(character, out)) out.append(character);
        i += character.size();
      }
    }
    return out;
  }

 private:
  bool replace(std::string_view text, std::string& out) const {
    const std::optional<Charsmap::Found> found = map_.find(text, Charsmap::Prefer::shortest);
    if (found) out.append(found->replacement);
    return found.has_value();
  }

  Charsmap map_;
};

}  // namespace

std::unique_ptr<Normalizer> load_precompiled(const io::Json& json, const JsonPath& path) {
  const JsonPath map_path = path.member("precompiled_charsmap");
  const std::string& base64 = required_string(json, "precompiled_charsmap", path);
  return std::make_unique<PrecompiledNormalizer>(Charsmap(decode_base64(base64, map_path), map_path));
}

}  // namespace transom::text
