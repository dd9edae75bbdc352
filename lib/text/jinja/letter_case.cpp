// SPDX-License-Identifier: Apache-2.0
/// Letter cases of strings.h: utf8proc's mappings of single characters, and the characters whose upper case
/// is several (Unicode, SpecialCasing.txt; the Greek ones with iota are left out).
#include <utf8proc.h>

#include <algorithm>

#include "text/jinja/strings.h"
#include "text/utf8.h"

namespace transom::text::jinja {

namespace {

struct LongCase {
  char32_t character;
  std::u32string_view upper;
  std::u32string_view title;
};

constexpr LongCase kLongCases[] = {
    {0xDF, U"SS", U"Ss"},
    {0x149, U"\u02BCN", U"\u02BCN"},
    {0x1F0, U"J\u030C", U"J\u030C"},
    {0x390, U"\u0399\u0308\u0301", U"\u0399\u0308\u0301"},
    {0x3B0, U"\u03A5\u0308\u0301", U"\u03A5\u0308\u0301"},
    {0x587, U"\u0535\u0552", U"\u0535\u0582"},
    {0x1E96, U"H\u0331", U"H\u0331"},
    {0x1E97, U"T\u0308", U"T\u0308"},
    {0x1E98, U"W\u030A", U"W\u030A"},
    {0x1E99, U"Y\u030A", U"Y\u030A"},
    {0x1E9A, U"A\u02BE", U"A\u02BE"},
    {0xFB00, U"FF", U"Ff"},
    {0xFB01, U"FI", U"Fi"},
    {0xFB02, U"FL", U"Fl"},
    {0xFB03, U"FFI", U"Ffi"},
    {0xFB04, U"FFL", U"Ffl"},
    {0xFB05, U"ST", U"St"},
    {0xFB06, U"ST", U"St"},
};

const LongCase* find_long(char32_t c) {
  const auto* const found = std::find_if(std::begin(kLongCases), std::end(kLongCases),
                                         [c](const LongCase& one) { return one.character == c; });
  return found == std::end(kLongCases) ? nullptr : found;
}

void append(std::string& out, std::u32string_view text) {
  for (const char32_t c : text) append_utf8(out, c);
}

void append_upper(std::string& out, char32_t c) {
  if (const LongCase* one = find_long(c)) return append(out, one->upper);
  append_utf8(out, static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c))));
}

void append_title(std::string& out, char32_t c) {
  if (const LongCase* one = find_long(c)) return append(out, one->title);
  append_utf8(out, static_cast<char32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(c))));
}

bool is_case_ignorable(char32_t c) {
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME ||
         category == UTF8PROC_CATEGORY_CF || category == UTF8PROC_CATEGORY_LM ||
         category == UTF8PROC_CATEGORY_SK || c == U'\'' || c == U'.' || c == U':' || c == 0xB7 || c == 0x2019;
}

/// Whether a capital sigma behind `before` and in front of `p` ends a word.
bool is_final_sigma(std::string_view before, const char* p, const char* end) {
  std::size_t i = before.size();
  bool cased = false;
  while (i > 0 && !cased) {
    do --i;
    while (i > 0 && (static_cast<unsigned char>(before[i]) & 0xC0) == 0x80);
    const char* q = before.data() + i;
    const char32_t c = next_code_point(q);
    if (is_case_ignorable(c)) continue;
    if (!is_cased_letter(c)) return false;
    cased = true;
  }
  if (!cased) return false;
  while (p != end) {
    const char32_t c = next_code_point(p);
    if (!is_case_ignorable(c)) return !is_cased_letter(c);
  }
  return true;
}

/// The lower case of the character that ends at `p`, inside its text.
void append_lower(std::string& out, std::string_view before, char32_t c, const char* p, const char* end) {
  if (c == 0x130) {
    append(out, U"i\u0307");
  } else if (c == 0x3A3) {
    append_utf8(out, is_final_sigma(before, p, end) ? 0x3C2 : 0x3C3);
  } else {
    append_utf8(out, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
  }
}

/// Calls `append_one(out, text before the character, character, position behind it, end)` for each.
template <typename AppendOne>
std::string mapped(std::string_view text, AppendOne&& append_one) {
  std::string out;
  out.reserve(text.size());
  const char* p = text.data();
  const char* const end = p + text.size();
  while (p != end) {
    const std::string_view before(text.data(), static_cast<std::size_t>(p - text.data()));
    const char32_t c = next_code_point(p);
    append_one(out, before, c, p, end);
  }
  return out;
}

}  // namespace

std::string upper(std::string_view text) {
  return mapped(text, [](std::string& out, std::string_view, char32_t c, const char*, const char*) {
    append_upper(out, c);
  });
}

std::string lower(std::string_view text) { return mapped(text, append_lower); }

std::string capitalize(std::string_view text) {
  return mapped(text,
                [](std::string& out, std::string_view before, char32_t c, const char* p, const char* end) {
                  if (before.empty()) return append_title(out, c);
                  append_lower(out, before, c, p, end);
                });
}

std::string title(std::string_view text) {
  bool in_word = false;
  return mapped(text,
                [&](std::string& out, std::string_view before, char32_t c, const char* p, const char* end) {
                  if (in_word) {
                    append_lower(out, before, c, p, end);
                  } else {
                    append_title(out, c);
                  }
                  in_word = is_cased_letter(c);
                });
}

std::string swap_case(std::string_view text) {
  return mapped(text,
                [](std::string& out, std::string_view before, char32_t c, const char* p, const char* end) {
                  if (is_upper(c)) return append_lower(out, before, c, p, end);
                  if (is_lower(c)) return append_upper(out, c);
                  append_utf8(out, c);
                });
}

}  // namespace transom::text::jinja
