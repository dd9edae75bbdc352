// SPDX-License-Identifier: Apache-2.0
#include "text/unicode.h"

#include <utf8proc.h>

#include <cstdlib>
#include <random>

#include "tests/support/catch.h"
#include "text/normalizers/unicode_form.h"
#include "text/utf8.h"

namespace transom::text {
namespace {

std::string by_utf8proc(const std::string& text, int options) {
  utf8proc_uint8_t* out = nullptr;
  const utf8proc_ssize_t n = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                          static_cast<utf8proc_ssize_t>(text.size()), &out,
                                          static_cast<utf8proc_option_t>(options | UTF8PROC_STABLE));
  REQUIRE(n >= 0);
  std::string result(reinterpret_cast<const char*>(out), static_cast<std::size_t>(n));
  std::free(out);
  return result;
}

TEST_CASE("characters have their classes", "[unicode]") {
  CHECK(char_classes()[U'a'] == (kLetter | kWord));
  CHECK(char_classes()[U'7'] == (kNumber | kWord));
  CHECK(char_classes()[0xBD] == kNumber);              // one half: a number, no word character
  CHECK(char_classes()[0x2167] == (kNumber | kWord));  // Roman eight
  CHECK(char_classes()[U'_'] == (kPunctuation | kWord));
  CHECK(char_classes()[U'$'] == kSymbol);
  CHECK(char_classes()[0x301] == (kMark | kWord));
  CHECK(char_classes()[0x85] == kSpace);
  CHECK(char_classes()[0x1C] == 0);  // a separator by name only
  CHECK(char_classes()[0x180E] == 0);
  CHECK(char_classes()[0x200D] == kWord);
  CHECK(char_classes()[0x24B6] == (kSymbol | kWord));
  CHECK((is_punctuation('$') && is_punctuation(0x3001) && !is_punctuation('a') && !is_punctuation(0x20AC)));
  CHECK_FALSE(has_class(0x110000, 0xFF));
}

TEST_CASE("normalisation forms equal utf8proc's own", "[unicode]") {
  std::mt19937 random(9);
  constexpr char32_t kFirst[] = {0x41,   0xC0,   0x300,  0x320,  0x340,  0x390,   0x5B0,  0x900,  0x958,
                                 0xF71,  0x1100, 0x1161, 0x11A8, 0xAC00, 0x1E00,  0x1FD0, 0x2120, 0x3041,
                                 0x3099, 0xF900, 0xFB1D, 0xFDFA, 0xFF01, 0x1D15E, 0x2F800};
  for (int round = 0; round < 4000; ++round) {
    std::string text;
    for (auto n = random() % 12; n > 0; --n) {
      append_utf8(text, kFirst[random() % std::size(kFirst)] + static_cast<char32_t>(random() % 16));
    }
    CAPTURE(text);
    REQUIRE(to_form(text, UnicodeForm::nfc) == by_utf8proc(text, UTF8PROC_COMPOSE));
    REQUIRE(to_form(text, UnicodeForm::nfd) == by_utf8proc(text, UTF8PROC_DECOMPOSE));
    REQUIRE(to_form(text, UnicodeForm::nfkc) == by_utf8proc(text, UTF8PROC_COMPOSE | UTF8PROC_COMPAT));
    REQUIRE(to_form(text, UnicodeForm::nfkd) == by_utf8proc(text, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT));
  }
}

TEST_CASE("texts that NFC passes over are in NFC", "[unicode]") {
  // All characters of the ranges in unicode_form.cpp, each behind the last letter that may compose.
  for (char32_t c = 0; c < 0xFFFF; ++c) {
    std::string text = "a\uAC00\u304B";
    append_utf8(text, c);
    append_utf8(text, c);
    const std::string own = to_form(text, UnicodeForm::nfc);
    if (own != by_utf8proc(text, UTF8PROC_COMPOSE)) FAIL("code point " << static_cast<unsigned>(c));
  }
}

TEST_CASE("a long run of combining marks is sorted quickly", "[unicode]") {
  std::string marks = "a";
  for (int i = 0; i < 200000; ++i) marks += "\u0301\u0323";  // classes 230 and 220
  std::string sorted = "a";
  for (int i = 0; i < 200000; ++i) sorted += "\u0323";
  for (int i = 0; i < 200000; ++i) sorted += "\u0301";
  CHECK(to_form(marks, UnicodeForm::nfd) == sorted);
}

TEST_CASE("lower case may lengthen a text", "[unicode]") {
  CHECK(to_lower("A\u00C9\u0130\u03A3\u212A\u1E9E\U00010400 z1") ==
        "a\u00E9i\u0307\u03C3k\u00DF\U00010428 z1");
}

}  // namespace
}  // namespace transom::text
