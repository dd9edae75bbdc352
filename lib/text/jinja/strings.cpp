// SPDX-License-Identifier: Apache-2.0
#include "text/jinja/strings.h"

#include <string.h>
#include <utf8proc.h>

#include <algorithm>

#include "text/unicode.h"
#include "text/utf8.h"

namespace transom::text::jinja {

namespace {

/// Where the last character begins.
std::size_t last_character(std::string_view text) {
  std::size_t i = text.size() - 1;
  while (i > 0 && (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) --i;
  return i;
}

char32_t character_at(std::string_view text, std::size_t byte) {
  const char* p = text.data() + byte;
  return next_code_point(p);
}

utf8proc_category_t category(char32_t c) { return utf8proc_category(static_cast<utf8proc_int32_t>(c)); }

template <typename Predicate>
std::string_view strip_left_if(std::string_view text, Predicate&& dropped) {
  while (!text.empty() && dropped(character_at(text, 0))) text.remove_prefix(utf8_length(text[0]));
  return text;
}

template <typename Predicate>
std::string_view strip_right_if(std::string_view text, Predicate&& dropped) {
  while (!text.empty()) {
    const std::size_t last = last_character(text);
    if (!dropped(character_at(text, last))) break;
    text = text.substr(0, last);
  }
  return text;
}

std::vector<char32_t> code_points(std::string_view text) {
  std::vector<char32_t> out;
  for_each_character(text, [&](char32_t c, std::string_view) { out.push_back(c); });
  return out;
}

}  // namespace

bool is_python_space(char32_t c) { return is_space(c) || (c >= 0x1C && c <= 0x1F); }

std::string_view strip_left(std::string_view text) { return strip_left_if(text, is_python_space); }
std::string_view strip_right(std::string_view text) { return strip_right_if(text, is_python_space); }

std::string_view strip_left(std::string_view text, std::string_view characters) {
  const std::vector<char32_t> set = code_points(characters);
  return strip_left_if(text, [&](char32_t c) { return std::find(set.begin(), set.end(), c) != set.end(); });
}

std::string_view strip_right(std::string_view text, std::string_view characters) {
  const std::vector<char32_t> set = code_points(characters);
  return strip_right_if(text, [&](char32_t c) { return std::find(set.begin(), set.end(), c) != set.end(); });
}

std::string_view clipped(std::string_view text) {
  constexpr std::size_t kMost = 80;
  if (text.size() <= kMost) return text;
  return text.substr(0, last_character(text.substr(0, kMost)));
}

std::size_t text_length(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::size_t byte_of(std::string_view text, std::size_t index) {
  std::size_t byte = 0;
  while (index > 0 && byte < text.size()) {
    byte += utf8_length(text[byte]);
    --index;
  }
  return byte;
}

std::vector<std::string> characters_of(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < text.size(); i += utf8_length(text[i])) {
    out.emplace_back(text.substr(i, utf8_length(text[i])));
  }
  return out;
}

bool all_of(std::string_view text, bool (*predicate)(char32_t)) {
  const std::vector<char32_t> points = code_points(text);
  return !points.empty() && std::all_of(points.begin(), points.end(), predicate);
}

bool is_upper(char32_t c) { return category(c) == UTF8PROC_CATEGORY_LU; }
bool is_lower(char32_t c) { return category(c) == UTF8PROC_CATEGORY_LL; }
bool is_cased_letter(char32_t c) { return is_upper(c) || is_lower(c) || category(c) == UTF8PROC_CATEGORY_LT; }
bool is_alphabetic(char32_t c) { return has_class(c, kLetter); }
bool is_decimal(char32_t c) { return category(c) == UTF8PROC_CATEGORY_ND; }
bool is_numeric(char32_t c) { return has_class(c, kNumber); }

bool is_printable(char32_t c) {
  switch (category(c)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return false;
    case UTF8PROC_CATEGORY_ZS:
      return c == U' ';
    default:
      return true;
  }
}

std::size_t find_text(std::string_view text, std::string_view wanted, std::size_t from) {
  if (from > text.size()) return text.npos;
  if (wanted.empty()) return from;
  const void* const found = memmem(text.data() + from, text.size() - from, wanted.data(), wanted.size());
  if (found == nullptr) return text.npos;
  return static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends) {
  std::vector<std::string_view> lines;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size();) {
    const char32_t c = character_at(text, i);
    std::size_t width = utf8_length(text[i]);
    const bool is_end =
        (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
    if (is_end) {
      if (c == U'\r' && i + 1 < text.size() && text[i + 1] == '\n') width = 2;
      lines.push_back(text.substr(begin, i - begin + (keep_ends ? width : 0)));
      begin = i + width;
    }
    i += width;
  }
  if (begin < text.size()) lines.push_back(text.substr(begin));
  return lines;
}

}  // namespace transom::text::jinja
