// SPDX-License-Identifier: Apache-2.0
#include "text/normalizers/unicode_form.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <new>
#include <vector>

#include "text/utf8.h"

namespace transom::text {

namespace {

/// Whether NFC leaves every text of such characters alone. These ranges hold most text there is; they have no
/// combining mark, no conjoining jamo, nothing that NFC replaces. A test walks through them.
bool is_stable_in_nfc(char32_t c) {
  return c < 0x300 || (c >= 0x400 && c <= 0x482) || (c >= 0x2010 && c <= 0x2027) ||
         (c >= 0x3001 && c <= 0x3029) || (c >= 0x3041 && c <= 0x3096) || (c >= 0x30A1 && c <= 0x30FA) ||
         (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0xFF01 && c <= 0xFF5E);
}

bool is_stable_text(std::string_view text) {
  const char* p = text.data();
  const char* const end = p + text.size();
  while (p != end) {
    if (!is_stable_in_nfc(next_code_point(p))) return false;
  }
  return true;
}

int combining_class(utf8proc_int32_t c) { return utf8proc_get_property(c)->combining_class; }

/// Puts each run of combining marks in the order of their classes. utf8proc would do it by swapping
/// neighbours, which takes quadratic time on a long run.
void sort_marks(std::vector<utf8proc_int32_t>& text) {
  for (std::size_t i = 0; i < text.size();) {
    if (combining_class(text[i]) == 0) {
      ++i;
      continue;
    }
    std::size_t stop = i + 1;
    while (stop < text.size() && combining_class(text[stop]) != 0) ++stop;
    std::stable_sort(
        text.begin() + static_cast<std::ptrdiff_t>(i), text.begin() + static_cast<std::ptrdiff_t>(stop),
        [](utf8proc_int32_t a, utf8proc_int32_t b) { return combining_class(a) < combining_class(b); });
    i = stop;
  }
}

std::vector<utf8proc_int32_t> decompose(std::string_view text, utf8proc_option_t options) {
  std::vector<utf8proc_int32_t> out;
  out.reserve(text.size());
  std::array<utf8proc_int32_t, 32> parts{};  // the longest decomposition has 18
  int boundary = 0;
  for_each_character(text, [&](char32_t character, std::string_view) {
    const auto c = static_cast<utf8proc_int32_t>(character);
    const utf8proc_ssize_t n = utf8proc_decompose_char(
        c, parts.data(), static_cast<utf8proc_ssize_t>(parts.size()), options, &boundary);
    if (n < 0 || n > static_cast<utf8proc_ssize_t>(parts.size())) {
      out.push_back(c);
    } else {
      out.insert(out.end(), parts.begin(), parts.begin() + n);
    }
  });
  sort_marks(out);
  return out;
}

}  // namespace

std::string to_form(std::string_view text, UnicodeForm form) {
  if (form == UnicodeForm::nfc && is_stable_text(text)) return std::string(text);
  const bool compatible = form == UnicodeForm::nfkc || form == UnicodeForm::nfkd;
  const auto decompose_options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE |
                                                                (compatible ? UTF8PROC_COMPAT : 0));
  std::vector<utf8proc_int32_t> characters = decompose(text, decompose_options);
  if (form == UnicodeForm::nfc || form == UnicodeForm::nfkc) {
    const utf8proc_ssize_t n =
        utf8proc_normalize_utf32(characters.data(), static_cast<utf8proc_ssize_t>(characters.size()),
                                 static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
    if (n >= 0) characters.resize(static_cast<std::size_t>(n));
  }
  std::string out;
  out.reserve(text.size());
  for (const utf8proc_int32_t c : characters) append_utf8(out, static_cast<char32_t>(c));
  return out;
}

std::string to_lower(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for_each_character(text, [&](char32_t c, std::string_view) {
    if (c == 0x130) {  // the only character whose lower case is two: i and a combining dot
      out.append("i\xCC\x87");
    } else {
      append_utf8(out, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
    }
  });
  return out;
}

}  // namespace transom::text
