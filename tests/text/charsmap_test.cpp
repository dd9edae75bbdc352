// SPDX-License-Identifier: Apache-2.0
/// The character map that SentencePiece and the Precompiled normalizer share.
#include "text/normalizers/charsmap.h"

#include "tests/support/catch.h"
#include "tests/text/test_data.h"

namespace transom::text {
namespace {

std::string u32(std::uint32_t value) {
  std::string out;
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>((value >> shift) & 0xFF));
  return out;
}

std::string map_of(const std::vector<std::uint32_t>& units, const std::string& replacements) {
  std::string out = u32(static_cast<std::uint32_t>(4 * units.size()));
  for (const std::uint32_t unit : units) out += u32(unit);
  return out + replacements;
}

/// A map with the keys "a", replaced by the text at `value`, and "ab", replaced by the text at 0. Units above
/// the byte values hold what the nodes point to: children of the root at 256 ^ byte.
std::vector<std::uint32_t> units_of(std::uint32_t value) {
  std::vector<std::uint32_t> units(768);
  const auto node = [](std::uint32_t label, bool ends, std::uint32_t from, std::uint32_t to) {
    return ((from ^ to) << 10) | (ends ? 1u << 8 : 0) | label;
  };
  units[0] = node(0, false, 0, 256);
  units[256 ^ 'a'] = node('a', true, 256 ^ 'a', 512);
  units[512] = (1u << 31) | value;
  units[512 ^ 'b'] = node('b', true, 512 ^ 'b', 640);
  units[640] = 1u << 31;
  return units;
}

Charsmap load(const std::string& bytes) { return Charsmap(bytes, JsonPath("test.json").member("map")); }

TEST_CASE("a character map finds its shortest and its longest entry", "[charsmap]") {
  const Charsmap map = load(map_of(units_of(3), std::string("xy\0z\0", 5)));
  const auto shortest = map.find("abc", Charsmap::Prefer::shortest);
  REQUIRE(shortest.has_value());
  CHECK(shortest->length == 1);
  CHECK(shortest->replacement == "z");
  const auto longest = map.find("abc", Charsmap::Prefer::longest);
  REQUIRE(longest.has_value());
  CHECK(longest->length == 2);
  CHECK(longest->replacement == "xy");
  CHECK_FALSE(map.find("b", Charsmap::Prefer::longest).has_value());
  CHECK_FALSE(map.find("", Charsmap::Prefer::longest).has_value());
  CHECK_FALSE(map.find(std::string_view("\0", 1), Charsmap::Prefer::longest).has_value());
}

TEST_CASE("wrong character maps are refused", "[charsmap]") {
  const std::string texts("xy\0z\0", 5);
  CHECK_THROWS_AS(load(""), FormatError);
  CHECK_THROWS_AS(load("abc"), FormatError);
  CHECK_THROWS_AS(load(u32(8) + "1234"), FormatError);
  CHECK_THROWS_AS(load(u32(0)), FormatError);
  CHECK_THROWS_AS(load(u32(3) + "123"), FormatError);
  CHECK_THROWS_AS(load(map_of(units_of(3), "x\xFF")), FormatError);
  CHECK(test::error_says([&] { load(map_of(units_of(700), texts)); }, {"test.json: map", "700"}));
  CHECK_THROWS_AS(load(map_of(units_of(1), "\u00e9")), FormatError);  // inside a character
  std::vector<std::uint32_t> units = units_of(3);
  units[256 ^ 'a'] = (1u << 31) - 1;          // points far away
  CHECK_NOTHROW(load(map_of(units, texts)));  // and is no child of the root: its label is another
  units[256 ^ 'a'] = 0x7FFFFF00u | 'a';
  CHECK_THROWS_AS(load(map_of(units, texts)), FormatError);
}

TEST_CASE("a map that lengthens a text without end is refused", "[charsmap]") {
  std::string base64;
  const std::string bytes = map_of(units_of(3), std::string("xy\0", 3) + std::string(1 << 16, 'z'));
  const std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i + 2 < bytes.size(); i += 3) {
    unsigned bits = 0;
    for (std::size_t k = 0; k < 3; ++k) bits = (bits << 8) | static_cast<unsigned char>(bytes[i + k]);
    for (int shift = 18; shift >= 0; shift -= 6) base64.push_back(digits[(bits >> shift) & 63]);
  }
  const auto tokenizer =
      test::tokenizer_of(R"({"normalizer": {"type": "Precompiled", "precompiled_charsmap": ")" + base64 +
                         R"("}, "model": {"type": "BPE", "vocab": {}, "merges": []}})");
  CHECK(tokenizer->encode("a", {}).empty());
  CHECK_THROWS_AS(tokenizer->encode(std::string(1000, 'a'), {}), UnsupportedError);
}

TEST_CASE("a trie that leads back into itself ends", "[charsmap]") {
  std::vector<std::uint32_t> units(256);
  for (std::uint32_t i = 0; i < 256; ++i) units[i] = i;  // every node's children begin at itself
  const Charsmap map = load(map_of(units, "x"));
  CHECK_FALSE(map.find("aaaa", Charsmap::Prefer::longest).has_value());
}

TEST_CASE("base64 that is none is refused", "[charsmap]") {
  const auto load_json = [](const std::string& text) {
    test::tokenizer_of(R"({"normalizer": {"type": "Precompiled", "precompiled_charsmap": ")" + text +
                       R"("}, "model": {"type": "BPE", "vocab": {}, "merges": []}})");
  };
  CHECK(test::error_says([&] { load_json("abc"); }, {"normalizer.precompiled_charsmap", "base64"}));
  CHECK(test::error_says([&] { load_json("ab!="); }, {"base64"}));
  CHECK_THROWS_AS(load_json("===="), FormatError);
  CHECK_THROWS_AS(load_json(""), FormatError);
}

}  // namespace
}  // namespace transom::text
