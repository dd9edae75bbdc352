// SPDX-License-Identifier: Apache-2.0
/// Hand-made SentencePiece models, right and wrong. The ids of trained ones are in plain_files_test.cpp.
#include <bit>
#include <limits>

#include "tests/support/catch.h"
#include "tests/text/temporary_directory.h"
#include "tests/text/test_data.h"
#include "text/sentencepiece/proto_reader.h"
#include "text/sentencepiece/sentencepiece_loader.h"
#include "text/token_bytes.h"
#include "text/tokenizer_loader.h"

namespace transom::text {
namespace {

using Ids = std::vector<TokenId>;

std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
  return out;
}
std::string number(unsigned field, std::uint64_t value) { return varint(field << 3) + varint(value); }
std::string bytes(unsigned field, const std::string& text) {
  return varint((field << 3) | 2) + varint(text.size()) + text;
}
std::string piece(const std::string& text, float score, unsigned kind = 1) {
  const auto bits = std::bit_cast<std::uint32_t>(score);
  std::string out = bytes(1, text) + varint((2 << 3) | 5);
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>((bits >> shift) & 0xFF));
  return bytes(1, out + number(3, kind));
}

constexpr unsigned kUnknown = 2;
constexpr unsigned kControl = 3;
constexpr unsigned kUser = 4;
constexpr unsigned kUnused = 5;

/// Spaces as they are, no dummy prefix.
const std::string kPlainSpaces = bytes(3, number(3, 0) + number(4, 0) + number(5, 0));

std::shared_ptr<const TokenizerImpl> load(const std::string& model) {
  return std::make_shared<const TokenizerImpl>(
      parts_from_sentencepiece(model, "m.model", PrependScheme::first));
}

TEST_CASE("numbers and strings of a message", "[proto]") {
  const std::string message = number(1, 300) + bytes(2, "xy") + varint((3 << 3) | 1) + std::string(8, '\1');
  ProtoReader reader(message, "m");
  ProtoField field;
  REQUIRE(reader.next(field));
  CHECK((field.number == 1 && field.value == 300));
  REQUIRE(reader.next(field));
  CHECK((field.number == 2 && field.bytes == "xy"));
  REQUIRE(reader.next(field));
  CHECK((field.number == 3 && field.value == 0x0101010101010101u));
  CHECK_FALSE(reader.next(field));
}

TEST_CASE("broken messages are errors that say where", "[proto]") {
  const auto says = [](const std::string& message, const std::vector<std::string>& parts) {
    return test::error_says(
        [&] {
          ProtoReader reader(message, "m");
          for (ProtoField field; reader.next(field);) {
          }
        },
        parts);
  };
  CHECK(says("\x80", {"m: byte 1 of 1", "more bytes"}));
  CHECK(says(std::string(11, '\xFF'), {"64 bits"}));
  CHECK(says(std::string(9, '\xFF') + "\x02", {"64 bits"}));
  CHECK(says("\x03", {"field number 0"}));
  CHECK(says("\x0B", {"wire type 3", "field 1"}));
  CHECK(says("\x0A\x05xy", {"expected 5 more bytes, found 2"}));
  CHECK(says("\x0D\x01", {"expected 4 more bytes"}));
  CHECK(says("\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", {"18446744073709551615"}));
}

TEST_CASE("BPE merges by score, the leftmost of equals", "[sentencepiece]") {
  const std::string model = piece("?", 0, kUnknown) + piece("ab", -1) + piece("bc", -1) + piece("abc", -3) +
                            piece("a", -5) + piece("b", -6) + piece("c", -7) + bytes(2, number(3, 2)) +
                            kPlainSpaces;
  const auto tokenizer = load(model);
  CHECK(tokenizer->encode("abc", {}) == Ids{3});
  CHECK(tokenizer->encode("bcab", {}) == Ids{2, 1});
  CHECK(tokenizer->encode("xxa", {}) == Ids{0, 4});  // unknown characters that touch are one
}

TEST_CASE("symbols of users and of control", "[sentencepiece]") {
  const std::string model = piece("<s>", 0, kControl) + piece("?", 0, kUnknown) + piece("<u>", 0, kUser) +
                            piece("\u2581", -2) + piece("a", -3) + piece("<", -4) + piece("s>", -4) +
                            piece("\u2581a", -1) + piece("gone", -1, kUnused);
  const auto tokenizer = load(model);
  CHECK(tokenizer->encode("  a  a<u> ", {}) == Ids{7, 7, 2});
  CHECK(tokenizer->encode("a<s>a", {}) == Ids{7, 0, 4});
  CHECK(tokenizer->encode("<s>", {.parse_special = false}) == Ids{3, 5, 6});
  CHECK(tokenizer->encode("gone", {}) == Ids{3, 1});
  CHECK(tokenizer->encode("", {}).empty());
  CHECK(tokenizer->encode("   ", {}).empty());
  CHECK(tokenizer->bos_id() == 0);
  CHECK(tokenizer->decode(Ids{0, 7, 2, 7}, {}) == "a<u> a");
  CHECK(tokenizer->decode(Ids{0, 7}, {.skip_special_tokens = false}) == "<s> a");
}

TEST_CASE("a directory's class decides what stands around a text", "[sentencepiece]") {
  const test::TemporaryDirectory directory;
  const std::string pieces = piece("<unk>", 0, kUnknown) + piece("<s>", 0, kControl) +
                             piece("</s>", 0, kControl) + piece("\u2581a", -1) + piece("a", -2) +
                             piece("\u2581", -3);
  directory.write("spiece.model", pieces);
  const auto ids = [&](const std::string& config, const std::string& text) {
    directory.write("tokenizer_config.json", config);
    return load_tokenizer(directory.path())->encode(text, {});
  };
  CHECK(ids("{}", "a") == Ids{3});
  CHECK(ids(R"({"tokenizer_class": "LlamaTokenizer"})", "a<s>a") == Ids{1, 3, 1, 4});
  CHECK(ids(R"({"tokenizer_class": "LlamaTokenizer", "legacy": true, "add_bos_token": false,
                "add_eos_token": true})",
            "a<s>a") == Ids{3, 1, 3, 2});
  CHECK(ids(R"({"tokenizer_class": "T5Tokenizer", "extra_ids": 2})", "a<extra_id_0>") == Ids{3, 7, 2});
  CHECK(test::error_says([&] { ids(R"({"tokenizer_class": "T5Tokenizer", "extra_ids": -1})", ""); },
                         {"extra_ids"}));
  CHECK(test::error_says([&] { ids(R"({"tokenizer_class": "XLMRobertaTokenizer"})", ""); },
                         {"spiece.model", "XLMRobertaTokenizer", "LlamaTokenizer"}));
  directory.remove("spiece.model");
  CHECK_FALSE(has_tokenizer(directory.path()));
  CHECK_THROWS_AS(load_tokenizer(directory.path()), NotFound);
}

TEST_CASE("tokens of a SentencePiece model have bytes of their own", "[sentencepiece]") {
  const std::string model =
      piece("?", 0, kUnknown) + piece("\u2581a", -1) + piece("<0xC3>", 0, 6) + bytes(2, number(35, 1));
  const TokenBytes spelled = token_bytes(*load(model));
  CHECK(spelled.of(0).empty());
  CHECK(spelled.of(1) == " a");
  CHECK(spelled.of(2) == "\xC3");
}

TEST_CASE("wrong SentencePiece models are errors that say where", "[sentencepiece]") {
  const auto says = [](const std::string& model, const std::vector<std::string>& parts) {
    return test::error_says([&] { load(model); }, parts);
  };
  CHECK(says("", {"m.model", "no piece"}));
  CHECK(says("hello", {"m.model", "byte"}));
  CHECK(says(piece("a", 0) + piece("a", 0), {"piece 1", "twice"}));
  CHECK(says(piece("?", 0, kUnknown) + piece("!", 0, kUnknown), {"piece 1", "second unknown"}));
  CHECK(says(piece("", 0), {"piece 0", "UTF-8"}));
  CHECK(says(piece("\xFF", 0), {"piece 0", "UTF-8"}));
  CHECK(says(piece("a", 0, 9), {"piece 0", "kind", "9"}));
  CHECK(says(piece("a", std::numeric_limits<float>::quiet_NaN()), {"piece 0", "score"}));
  CHECK(says(piece(std::string(2000, 'a'), 0), {"piece 0", "2000"}));
  CHECK(says(bytes(1, number(1, 5)), {"piece 0", "field 1"}));
  CHECK(says(piece("a", 0) + bytes(2, number(3, 7)), {"trainer_spec", "7"}));
  CHECK(says(piece("a", 0) + bytes(2, number(3, 3)), {"whole words"}));
  CHECK(says(piece("a", 0) + bytes(2, number(24, 1)), {"treat_whitespace_as_suffix"}));
  CHECK(says(piece("a", 0) + piece("b", 0, kUnused) + bytes(2, number(3, 2)), {"unused"}));
  CHECK(says(piece("a", 0) + bytes(3, bytes(2, "abc")), {"normalizer_spec.precompiled_charsmap"}));
  CHECK_THROWS_AS(load(piece("a", 0) + kPlainSpaces)->encode("b", {}), FormatError);  // no unknown token
}

}  // namespace
}  // namespace transom::text
