// SPDX-License-Identifier: Apache-2.0
#include "text/utf8.h"

#include <random>

#include "support/catch.h"

namespace transom::text {
namespace {

const std::string kBad = "\uFFFD";

TEST_CASE("valid text stays as it is", "[utf8]") {
  for (const std::string text :
       {"", "a", "\u00e9\u0800\uffff", "\U00010000\U0010ffff", "abcdefgh\u4f60ijklmnopq"}) {
    CHECK(valid_utf8_prefix(text) == text.size());
    CHECK(replace_invalid_utf8(text) == text);
  }
}

TEST_CASE("every maximal invalid part becomes one U+FFFD", "[utf8]") {
  // Examples of the Unicode Standard, section 3.9, and the limits of the encoding.
  CHECK(replace_invalid_utf8("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41") ==
        kBad + kBad + kBad + kBad + kBad + kBad + kBad + kBad + "A");
  CHECK(replace_invalid_utf8("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41") ==
        kBad + kBad + kBad + kBad + kBad + kBad + kBad + kBad + "A");
  CHECK(replace_invalid_utf8("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42") ==
        kBad + kBad + kBad + kBad + kBad + "A" + kBad + kBad + "B");
  CHECK(replace_invalid_utf8("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41") == kBad + kBad + kBad + kBad + "A");
  CHECK(replace_invalid_utf8("abc\xE4\xBD") == "abc" + kBad);
  CHECK(valid_utf8_prefix("abc\xE4\xBD") == 3);
}

TEST_CASE("every code point survives writing and reading", "[utf8]") {
  std::string text;
  for (char32_t c = 0; c < 0x110000; ++c) {
    text.clear();
    append_utf8(text, c);
    const bool surrogate = c >= 0xD800 && c <= 0xDFFF;
    const Utf8Step step = examine_utf8(text);
    if (step.kind != Utf8Step::Kind::valid || step.length != text.size() ||
        step.code_point != (surrogate ? kReplacementCharacter : c)) {
      FAIL("code point " << static_cast<unsigned>(c));
    }
  }
  text.clear();
  append_utf8(text, 0x110000);
  CHECK(text == kBad);
}

TEST_CASE("an assembler fed byte by byte equals the whole", "[utf8]") {
  std::mt19937 random(3);
  constexpr unsigned char kBytes[] = {0x41, 0x80, 0xBF, 0xC2, 0xC1, 0xE0, 0xA0,
                                      0xE4, 0xBD, 0xED, 0xF0, 0x90, 0xF4, 0xFF};
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(random() % 12, ' ');
    for (char& byte : bytes) byte = static_cast<char>(kBytes[random() % sizeof kBytes]);
    Utf8Assembler assembler(Utf8Assembler::Policy::per_subpart);
    std::string out;
    for (const char byte : bytes) assembler.push({&byte, 1}, out);
    assembler.finish(out);
    CHECK(out == replace_invalid_utf8(bytes));
    CHECK(valid_utf8_prefix(out) == out.size());
  }
}

TEST_CASE("the policy per byte writes one U+FFFD for each byte", "[utf8]") {
  Utf8Assembler assembler(Utf8Assembler::Policy::per_byte);
  std::string out;
  assembler.push(
      "\xE4\xBD"
      "a\xF0\x9F\x98",
      out);
  CHECK(out == kBad + kBad + "a");
  assembler.finish(out);
  CHECK(out == kBad + kBad + "a" + kBad + kBad + kBad);
}

}  // namespace
}  // namespace transom::text
