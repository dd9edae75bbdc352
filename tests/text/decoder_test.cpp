// SPDX-License-Identifier: Apache-2.0
#include "text/decoders/decoder.h"

#include <algorithm>

#include "tests/support/catch.h"
#include "tests/text/test_data.h"
#include "text/decoders/stream_decoder.h"

namespace transom::text {
namespace {

/// Decodes tokens by their spellings, whole and one by one, and checks that both agree.
std::string decoded(const std::string& decoder, const std::vector<std::string>& tokens) {
  std::vector<TokenId> ids;
  std::string added;
  for (const std::string& token : tokens) {
    const auto first = std::find(tokens.begin(), tokens.end(), token) - tokens.begin();
    const bool is_new = static_cast<std::size_t>(first) == ids.size();
    ids.push_back(static_cast<TokenId>(first));
    if (!is_new) continue;
    added += (added.empty() ? "{\"id\":" : ",{\"id\":") + std::to_string(first) + ",\"content\":\"" + token +
             "\",\"normalized\":false}";
  }
  const auto tokenizer =
      test::tokenizer_of(R"({"model": {"type": "BPE", "vocab": {}, "merges": []}, "added_tokens": [)" +
                         added + R"(], "decoder": )" + decoder + "}");
  const std::string whole = tokenizer->decode(ids, {});
  StreamDecoder stream(tokenizer, {});
  std::string streamed;
  for (const TokenId id : ids) stream.push(id, streamed);
  stream.finish(streamed);
  CHECK(streamed == whole);
  return whole;
}

const std::string kLlama = R"({"type": "Sequence", "decoders": [
    {"type": "Replace", "pattern": {"String": "_"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
    {"type": "Strip", "content": " ", "start": 1, "stop": 0}]})";

TEST_CASE("decoders write text", "[decoder]") {
  CHECK(decoded("null", {"a", "b", "c"}) == "a b c");
  CHECK(decoded(R"({"type": "Fuse"})", {"a", "b"}) == "ab");
  CHECK(decoded(R"({"type": "ByteLevel"})", {"a", "\u0120b", "\u00c3", "\u00a9", "\u00c3x"}) ==
        "a b\u00e9\uFFFDx");
  CHECK(decoded(R"({"type": "ByteLevel"})", {"a", "\u4e00\u0120"}) == "a\u4e00\u0120");
  CHECK(decoded(R"({"type": "ByteFallback"})", {"<0xC3>", "<0xa9>", "x", "<0x41>", "<0xFF>", "<0xGG>"}) ==
        "\u00e9xA\uFFFD<0xGG>");
  CHECK(decoded(R"({"type": "Metaspace", "replacement": "_"})", {"_a_", "_b"}) == "a b");
  CHECK(decoded(R"({"type": "Metaspace", "replacement": "_", "prepend_scheme": "never"})", {"_a", "_b"}) ==
        " a b");
  CHECK(decoded(kLlama, {"__a", "_b", "<0x20>", "<0xC3>"}) == " a b \uFFFD");
  CHECK(decoded(kLlama, {"<0x20>", "a"}) == "a");
  CHECK(decoded(R"({"type": "Sequence", "decoders": []})", {"a", "b"}) == "ab");
}

TEST_CASE("strip works on each token or behind Fuse on all", "[decoder]") {
  const std::string strip = R"({"type": "Strip", "content": "x", "start": 1, "stop": 2})";
  CHECK(decoded(strip, {"xxa", "bxxx", "x", "xx"}) == "xabx");
  CHECK(decoded(R"({"type": "Sequence", "decoders": [{"type": "Fuse"}, )" + strip + "]}",
                {"x", "xax", "xxx", "b", "bxx", "xxxx"}) == "xaxxxxbbxxxx");
}

TEST_CASE("a literal is replaced across the tokens that Fuse joined", "[decoder]") {
  const std::string fused = R"({"type": "Sequence", "decoders": [{"type": "Fuse"},
      {"type": "Replace", "pattern": {"String": "aab"}, "content": "-"}]})";
  CHECK(decoded(fused, {"a", "aa", "b", "xa", "ab", "aax", "aaa"}) == "a-x-aaxaaa");
  CHECK(decoded(R"({"type": "Replace", "pattern": {"String": "aab"}, "content": "-"})", {"aab", "aa", "b"}) ==
        "-aab");
  CHECK(decoded(R"({"type": "Sequence", "decoders": [{"type": "Fuse"},
      {"type": "Replace", "pattern": {"Regex": "a+b"}, "content": "-"}]})",
                {"a", "aab", "x"}) == "-x");
}

TEST_CASE("a literal is held back no longer than it may still come", "[decoder]") {
  const auto tokenizer = test::tokenizer_of(R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "c": 2},
      "merges": []}, "decoder": {"type": "Sequence", "decoders": [{"type": "Fuse"},
      {"type": "Replace", "pattern": {"String": "ab"}, "content": "-"}]}})");
  StreamDecoder stream(tokenizer, {});
  std::string out;
  stream.push(2, out);
  CHECK(out == "c");
  stream.push(0, out);
  CHECK(out == "c");
  stream.push(1, out);
  CHECK(out == "c-");
}

TEST_CASE("a run of bytes that is partly valid keeps the valid part", "[decoder]") {
  CHECK(decoded(R"({"type": "ByteFallback"})", {"<0x41>", "<0xE4>", "<0xBD>", "<0x42>"}) ==
        "A\uFFFD\uFFFD"
        "B");
}

TEST_CASE("WordPiece joins what continues a word", "[decoder]") {
  const std::string json = R"({"type": "WordPiece", "prefix": "##"})";
  CHECK(decoded(json, {"##a", "##b", "c", ".", "do", "##n't", "n't"}) == "##ab c. don'tn't");
  CHECK(decoded(R"({"type": "WordPiece", "prefix": "##", "cleanup": false})", {"c", "."}) == "c .");
}

TEST_CASE("the last word's suffix leaves no space", "[decoder]") {
  const std::string json = R"({"type": "BPEDecoder"})";
  CHECK(decoded(json, {"a", "b</w>", "c</w>"}) == "ab c");
  CHECK(decoded(json, {"b</w>", "c"}) == "b c");
  CHECK_THROWS_AS(decoded(R"({"type": "BPEDecoder", "suffix": ""})", {"a"}), UnsupportedError);
}

TEST_CASE("CTC takes repeats and padding out", "[decoder]") {
  const std::string json = R"({"type": "CTC"})";
  CHECK(decoded(json, {"<pad>", "h", "h", "e", "<pad>", "e", "|", "|", "y"}) == "hee y");
  CHECK(decoded(R"({"type": "CTC", "pad_token": "_", "cleanup": false})", {"a", "_", "|"}) == "a|");
}

TEST_CASE("wrong decoders are named", "[decoder]") {
  const auto load = [](const std::string& json) { decoded(json, {"a"}); };
  CHECK(test::error_says([&] { load(R"({"type": "Magic"})"); }, {"test.json: decoder.type", "Magic"}));
  CHECK(test::error_says([&] { load(R"({"type": "Sequence", "decoders": [{"type": "Fuse"}, {}]})"); },
                         {"decoder.decoders[1]", "type"}));
  CHECK_THROWS_AS(load(R"({"type": "Strip", "content": "ab", "start": 0, "stop": 0})"), FormatError);
  CHECK_THROWS_AS(load(R"({"type": "Strip", "content": "a", "start": -1, "stop": 0})"), FormatError);
  CHECK_THROWS_AS(load(R"({"type": "Strip", "content": "a", "start": 1})"), FormatError);
  CHECK_THROWS_AS(load(R"({"type": "Replace", "pattern": {"Regex": "("}, "content": ""})"), FormatError);
}

TEST_CASE("decoders that grow without end are refused", "[decoder]") {
  std::string steps;
  for (int i = 0; i < 60; ++i)
    steps += R"({"type": "Replace", "pattern": {"String": "a"}, "content": "aa"},)";
  steps.pop_back();
  CHECK_THROWS_AS(decoded(R"({"type": "Sequence", "decoders": [)" + steps + "]}", {"a"}), UnsupportedError);
  std::string many;
  for (int i = 0; i < 70; ++i) many += R"({"type": "Fuse"},)";
  many.pop_back();
  CHECK_THROWS_AS(decoded(R"({"type": "Sequence", "decoders": [)" + many + "]}", {"a"}), UnsupportedError);
}

}  // namespace
}  // namespace transom::text
