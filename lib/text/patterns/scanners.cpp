// SPDX-License-Identifier: Apache-2.0
#include "text/patterns/scanners.h"

#include <cstddef>
#include <iterator>

#include "text/unicode.h"
#include "text/utf8.h"

namespace transom::text {

namespace {

struct Char {
  char32_t code_point;
  unsigned classes;
  const char* next;
};

Char read(const char* p) {
  const char32_t c = next_code_point(p);
  return {c, char_classes()[c], p};
}

/// Skips characters that have one of the classes.
const char* skip(const char* p, const char* end, unsigned classes) {
  while (p != end) {
    const Char c = read(p);
    if ((c.classes & classes) == 0) break;
    p = c.next;
  }
  return p;
}

/// Skips characters that have none of the classes.
const char* skip_others(const char* p, const char* end, unsigned classes) {
  while (p != end) {
    const Char c = read(p);
    if ((c.classes & classes) != 0) break;
    p = c.next;
  }
  return p;
}

const char* skip_newlines(const char* p, const char* end) {
  while (p != end && (*p == '\r' || *p == '\n')) ++p;
  return p;
}

bool begins_with(const char* p, const char* end, unsigned classes) {
  return p != end && (read(p).classes & classes) != 0;
}

/// `\s+(?!\S)|\s+`: a run of whitespace without its last character when something follows and the run is
/// longer than one.
const char* scan_whitespace(const char* p, const char* end) {
  const char* last = p;
  const char* stop = p;
  while (stop != end) {
    const Char c = read(stop);
    if ((c.classes & kSpace) == 0) break;
    last = stop;
    stop = c.next;
  }
  return stop != end && last != p ? last : stop;
}

/// `\s*[\r\n]+|\s+(?!\S)|\s+`: a run of whitespace up to its last newline if it has one.
const char* scan_lines_or_whitespace(const char* p, const char* end) {
  const char* after_newline = nullptr;
  const char* last = p;
  const char* stop = p;
  while (stop != end) {
    const Char c = read(stop);
    if ((c.classes & kSpace) == 0) break;
    if (c.code_point == '\r' || c.code_point == '\n') after_newline = c.next;
    last = stop;
    stop = c.next;
  }
  if (after_newline != nullptr) return after_newline;
  return stop != end && last != p ? last : stop;
}

/// `'s|'t|'re|'ve|'m|'ll|'d`, or nullptr. With `fold`, in either case, which makes U+017F an s.
const char* scan_contraction(const char* p, const char* end, bool fold) {
  if (*p != '\'' || end - p < 2) return nullptr;
  const auto lower = [fold](char c) {
    return fold && c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  };
  const char first = lower(p[1]);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return p + 2;
  if (end - p < 3) return nullptr;
  if (fold && p[1] == '\xC5' && p[2] == '\xBF') return p + 3;
  const char second = lower(p[2]);
  const bool found =
      (first == 'r' && second == 'e') || (first == 'v' && second == 'e') || (first == 'l' && second == 'l');
  return found ? p + 3 : nullptr;
}

const char* scan_gpt2(const char* p, const char* end) {
  if (const char* stop = scan_contraction(p, end, false)) return stop;
  const char* const word = *p == ' ' && p + 1 != end ? p + 1 : p;
  const Char c = read(word);
  if ((c.classes & kLetter) != 0) return skip(c.next, end, kLetter);
  if ((c.classes & kNumber) != 0) return skip(c.next, end, kNumber);
  if ((c.classes & kSpace) == 0) return skip_others(c.next, end, kSpace | kLetter | kNumber);
  return scan_whitespace(p, end);
}

/// The expression of Llama 3 and Qwen 2, which differ in the longest group of digits.
const char* scan_llama3(const char* p, const char* end, int max_digits) {
  if (const char* stop = scan_contraction(p, end, true)) return stop;
  const Char c = read(p);
  if ((c.classes & kLetter) != 0) return skip(c.next, end, kLetter);
  if ((c.classes & kNumber) != 0) {
    const char* stop = c.next;
    for (int n = 1; n < max_digits && begins_with(stop, end, kNumber); ++n) stop = read(stop).next;
    return stop;
  }
  const bool newline = c.code_point == '\r' || c.code_point == '\n';
  if (!newline && begins_with(c.next, end, kLetter)) return skip(c.next, end, kLetter);
  const char* const symbols = *p == ' ' ? p + 1 : p;
  if (symbols != end && !begins_with(symbols, end, kSpace | kLetter | kNumber)) {
    return skip_newlines(skip_others(symbols, end, kSpace | kLetter | kNumber), end);
  }
  return scan_lines_or_whitespace(p, end);
}

const char* scan_llama3_digits(const char* p, const char* end) { return scan_llama3(p, end, 3); }
const char* scan_qwen2(const char* p, const char* end) { return scan_llama3(p, end, 1); }

bool is_ascii_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

const char* scan_deepseek_v3_words(const char* p, const char* end) {
  const Char c = read(p);
  if (c.code_point < 0x80 && is_punctuation(c.code_point) && c.next != end && is_ascii_letter(*c.next)) {
    const char* stop = c.next;
    while (stop != end && is_ascii_letter(*stop)) ++stop;
    return stop;
  }
  const bool newline = c.code_point == '\r' || c.code_point == '\n';
  const bool may_lead = !newline && (c.classes & (kLetter | kPunctuation | kSymbol)) == 0;
  if ((c.classes & (kLetter | kMark)) != 0 || (may_lead && begins_with(c.next, end, kLetter | kMark))) {
    return skip(c.next, end, kLetter | kMark);
  }
  const char* const symbols = *p == ' ' ? p + 1 : p;
  if (begins_with(symbols, end, kPunctuation | kSymbol)) {
    return skip_newlines(skip(symbols, end, kPunctuation | kSymbol), end);
  }
  return scan_lines_or_whitespace(p, end);
}

const char* scan_three_digits(const char* p, const char* end) {
  for (int n = 0; n < 3 && begins_with(p, end, kNumber); ++n) p = read(p).next;
  return p;
}

/// A run of ideographs (U+4E00 to U+9FA5), hiragana or katakana.
const char* scan_han_and_kana(const char* p, const char* end) {
  while (p != end) {
    const Char c = read(p);
    if (!((c.code_point >= 0x4E00 && c.code_point <= 0x9FA5) ||
          (c.code_point >= 0x3040 && c.code_point <= 0x30FF))) {
      break;
    }
    p = c.next;
  }
  return p;
}

/// Makes a Scanner of a function that returns the end of the match at `p`, or `p` when there is none.
template <const char* (*kScan)(const char*, const char*)>
bool scan_with(const char* p, const char* end, const char*& next) {
  const char* const stop = kScan(p, end);
  next = stop != p ? stop : p + utf8_length(*p);
  return stop != p;
}

/// `\s+$`, where `$` is the end of the text or stands before a newline. Backtracking engines take quadratic
/// time for it on a long run of spaces that a word follows.
bool scan_trailing_whitespace(const char* p, const char* end, const char*& next) {
  const char* line_end = nullptr;
  const char* stop = p;
  while (stop != end) {
    const Char c = read(stop);
    if ((c.classes & kSpace) == 0) break;
    if (c.code_point == '\n' && stop != p) line_end = stop;
    stop = c.next;
  }
  if (stop == end) line_end = end;
  next = line_end != nullptr ? line_end : stop != p ? stop : p + utf8_length(*p);
  return line_end != nullptr;
}

constexpr KnownExpression kKnown[] = {
    {"gpt2", R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
     scan_with<scan_gpt2>},
    {"gpt2, newer spelling", R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
     scan_with<scan_gpt2>},
    {"llama3",
     R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
     R"(|\s*[\r\n]+|\s+(?!\S)|\s+)",
     scan_with<scan_llama3_digits>},
    {"qwen2",
     R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
     R"(|\s*[\r\n]+|\s+(?!\S)|\s+)",
     scan_with<scan_qwen2>},
    // The DeepSeek files hold real CR and LF characters in their classes.
    {"deepseek v3 words",
     R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^)"
     "\r\n"
     R"(\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[)"
     "\r\n"
     R"(]*|\s*[)"
     "\r\n"
     R"(]+|\s+(?!\S)|\s+)",
     scan_with<scan_deepseek_v3_words>},
    {"deepseek v3 digits", R"(\p{N}{1,3})", scan_with<scan_three_digits>},
    {"deepseek v3 ideographs", "[\u4E00-\u9FA5\u3040-\u309F\u30A0-\u30FF]+", scan_with<scan_han_and_kana>},
    {"deepseek line end", R"(\s+$)", scan_trailing_whitespace},
};

}  // namespace

const std::string_view kGpt2Expression = kKnown[0].expression;

Scanner find_scanner(std::string_view expression) {
  for (const KnownExpression& known : kKnown) {
    if (known.expression == expression) return known.scanner;
  }
  return nullptr;
}

const KnownExpression* known_expressions_begin() { return std::begin(kKnown); }
const KnownExpression* known_expressions_end() { return std::end(kKnown); }

}  // namespace transom::text
