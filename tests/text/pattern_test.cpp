// SPDX-License-Identifier: Apache-2.0
#include "text/patterns/pattern.h"

#include <random>

#include "tests/support/catch.h"
#include "tests/text/test_data.h"
#include "text/patterns/scanners.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace transom::text {
namespace {

const JsonPath kPath("test.json");

std::vector<Match> all(const Pattern& pattern, std::string_view text) {
  std::vector<Match> out;
  pattern.find_all(text, out);
  return out;
}

/// Random text of characters that matter to the expressions, with a few from all of Unicode.
std::string random_text(std::mt19937& random, std::size_t max_characters) {
  static const char32_t kChars[] = {
      ' ',    ' ',  ' ',   '\t',   '\n',  '\n',    '\r',   0xA0,   0x85,   0x2028, 0x3000, 0x180E, 0x1C,
      '\'',   '\'', 's',   'S',    't',   'r',     'E',    'e',    'v',    'm',    'l',    'L',    'd',
      0x17F,  'a',  'Z',   '1',    '2',   '9',     0xBD,   0x2167, 0x661,  '.',    ',',    '!',    '(',
      '_',    '$',  '+',   0x300,  0x301, 0x903,   0x4E00, 0x9FA5, 0x9FA6, 0x3042, 0x30AB, 0x30FB, 0x3040,
      0xAC00, 0xE9, 0x430, 0x200D, 0xAD,  0x1F600, 0xFFFD, 0x00,   0x7F,   0xE000, 0x2019, 0x20AC, 0x345};
  std::string text;
  for (auto n = random() % (max_characters + 1); n > 0; --n) {
    append_utf8(text, random() % 8 == 0 ? static_cast<char32_t>(random() % 0x30000)
                                        : kChars[random() % std::size(kChars)]);
  }
  return text;
}

TEST_CASE("scanners equal Oniguruma on random text", "[pattern]") {
  std::mt19937 random(1);
  for (auto known = known_expressions_begin(); known != known_expressions_end(); ++known) {
    CAPTURE(std::string(known->name));
    const std::string expression(known->expression);
    CHECK(find_scanner(expression) == known->scanner);
    const auto scanner = make_regex(expression, kPath);
    const auto oniguruma = make_oniguruma_regex(expression, kPath);
    for (int round = 0; round < 4000; ++round) {
      const std::string text = random_text(random, 24);
      if (all(*scanner, text) != all(*oniguruma, text)) {
        CAPTURE(text);
        FAIL("the matches differ");
      }
    }
  }
  CHECK(find_scanner("\\p{L}+") == nullptr);
}

TEST_CASE("the character classes equal Oniguruma's", "[pattern]") {
  const std::pair<const char*, unsigned> kClasses[] = {{"\\p{L}", kLetter},
                                                       {"\\p{M}", kMark},
                                                       {"\\p{N}", kNumber},
                                                       {"\\p{P}", kPunctuation},
                                                       {"\\p{S}", kSymbol},
                                                       {"\\s", kSpace},
                                                       {"[\\w\\x{200C}\\x{200D}]", kWord}};
  std::string everything;
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c < 0xD800 || c > 0xDFFF) append_utf8(everything, c);
  }
  for (const auto& [expression, bit] : kClasses) {
    CAPTURE(expression);
    const unsigned wanted = bit;
    const auto own = make_char_pattern([wanted](char32_t c) { return has_class(c, wanted); });
    const std::vector<Match> ours = all(*own, everything);
    const std::vector<Match> theirs = all(*make_oniguruma_regex(expression, kPath), everything);
    CHECK((ours == theirs));  // in brackets: a million matches are not for printing
  }
}

TEST_CASE("long runs of spaces take linear time", "[pattern]") {
  const std::string spaces(2000000, ' ');
  for (auto known = known_expressions_begin(); known != known_expressions_end(); ++known) {
    const auto pattern = make_regex(std::string(known->expression), kPath);
    CHECK(all(*pattern, spaces + "x").size() <= 2);
  }
  // An expression without a scanner: Oniguruma's stack must hold the run.
  const auto similar = make_regex("\\p{L}+|\\s+(?!\\S)|\\s+", kPath);
  CHECK(all(*similar, spaces + "x").size() == 3);
}

TEST_CASE("an expression that takes too long is an error", "[pattern]") {
  const auto slow = make_regex("(a|aa)+$|(?:a*)*b", kPath);
  CHECK_THROWS_AS(all(*slow, std::string(5000, 'a') + "c"), UnsupportedError);
}

TEST_CASE("a wrong expression is a FormatError with the engine's words", "[pattern]") {
  CHECK_THROWS_AS(make_regex("(", kPath), FormatError);
  CHECK(test::error_says([&] { make_regex("[a", kPath.member("x")); },
                         {"test.json: x", "premature end of char-class"}));
  CHECK_THROWS_AS(make_regex(std::string(70000, 'a'), kPath), UnsupportedError);
}

TEST_CASE("empty matches stand between characters", "[pattern]") {
  CHECK(all(*make_regex("x*", kPath), "ax\u00e9") == std::vector<Match>{{0, 0}, {1, 2}, {4, 4}});
  CHECK(all(*make_literal("", kPath), "ab") == std::vector<Match>{{0, 0}, {1, 1}, {2, 2}});
  CHECK(all(*make_literal("aa", kPath), "aaaaa") == std::vector<Match>{{0, 2}, {2, 4}});
}

}  // namespace
}  // namespace transom::text
