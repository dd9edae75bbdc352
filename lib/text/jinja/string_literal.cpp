// SPDX-License-Identifier: Apache-2.0
#include "text/jinja/string_literal.h"

#include <charconv>

#include "text/utf8.h"

namespace transom::text::jinja {

namespace {

/// "xe9", "u20ac" or "U0001f600". jinja2 writes characters outside ASCII in this form before it reads the
/// escapes, so a backslash in front of one makes the form visible.
std::string escape_form(char32_t c) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, static_cast<unsigned>(c), 16).ptr;
  const std::string hex(digits, end);
  const std::size_t width = c < 0x100 ? 2 : c < 0x10000 ? 4 : 8;
  return (width == 2 ? "x" : width == 4 ? "u" : "U") + std::string(width - hex.size(), '0') + hex;
}

/// Reads `width` hexadecimal digits at `p`.
bool append_hex(const char*& p, const char* end, std::size_t width, std::string& out) {
  if (static_cast<std::size_t>(end - p) < width) return false;
  unsigned value = 0;
  const auto [stop, error] = std::from_chars(p, p + width, value, 16);
  if (error != std::errc() || stop != p + width || value > 0x10FFFF) return false;
  append_utf8(out, value);
  p = stop;
  return true;
}

void append_octal(const char*& p, const char* end, char first, std::string& out) {
  unsigned value = static_cast<unsigned>(first - '0');
  for (int i = 0; i < 2 && p != end && *p >= '0' && *p <= '7'; ++i) {
    value = 8 * value + static_cast<unsigned>(*p++ - '0');
  }
  append_utf8(out, value);
}

}  // namespace

std::string unescape(std::string_view body, std::string& problem) {
  static constexpr std::string_view kLetters = "\\'\"abfnrtv";
  static constexpr std::string_view kMeanings = "\\'\"\a\b\f\n\r\t\v";
  std::string out;
  const char* p = body.data();
  const char* const end = p + body.size();
  while (p != end) {
    if (*p != '\\') {
      out += *p++;
      continue;
    }
    if (++p == end) {
      problem = "a string ends with a backslash";
      return {};
    }
    if (static_cast<unsigned char>(*p) >= 0x80) {
      out += '\\' + escape_form(next_code_point(p));
      continue;
    }
    const char letter = *p++;
    const std::size_t known = kLetters.find(letter);
    if (known != kLetters.npos) {
      out += kMeanings[known];
    } else if (letter >= '0' && letter <= '7') {
      append_octal(p, end, letter, out);
    } else if (letter == 'x' || letter == 'u' || letter == 'U') {
      if (append_hex(p, end, letter == 'x' ? 2 : letter == 'u' ? 4 : 8, out)) continue;
      problem = std::string("a string has a broken \\") + letter + " escape";
      return {};
    } else if (letter == 'N') {
      problem = "a string has a \\N{...} escape, which is not supported";
      return {};
    } else if (letter != '\n') {
      out += '\\';
      out += letter;
    }
  }
  return out;
}

}  // namespace transom::text::jinja
