// SPDX-License-Identifier: Apache-2.0
#include "text/token_bytes.h"

#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/text/test_data.h"
#include "text/utf8.h"

using namespace transom;
using namespace transom::test;

namespace {

std::string bytes_of(const text::TokenBytes& bytes, const std::vector<TokenId>& ids) {
  std::string out;
  for (const TokenId id : ids) out += bytes.of(id);
  return out;
}

std::shared_ptr<const text::TokenizerImpl> with_decoder(const std::string& decoder) {
  return tokenizer_of(R"({"model": {"type": "BPE", "vocab": {"a": 0, "\u2581b": 1, "<0xC3>": 2, "\u00c3": 3,
    "\u0120c": 4, "xx": 5}, "merges": []}, "added_tokens": [{"id": 6, "content": "<s>", "special": true},
    {"id": 7, "content": "<think>", "special": false}], "decoder": )" +
                      decoder + "}");
}

}  // namespace

TEST_CASE("the bytes of tokens are what they add to a decoded text") {
  const std::string text =
      "Once upon a time,\n\n  she said: \"caf\xC3\xA9 \xE2\x82\xAC 12.5 \xF0\x9F\x98\x80!\" \t{x[1]}";
  for (const std::string& name : tokenizer_names()) {
    const auto tokenizer = load_named(name);
    if (tokenizer == nullptr) continue;
    CAPTURE(name);
    const text::TokenBytes bytes = text::token_bytes(*tokenizer);
    CHECK(bytes.size() == tokenizer->vocab_size());
    const std::vector<TokenId> ids = tokenizer->encode(text, {.add_special_tokens = false});
    std::vector<TokenId> twice = ids;
    twice.insert(twice.end(), ids.begin(), ids.end());
    CHECK(tokenizer->decode(twice, {}) == tokenizer->decode(ids, {}) + bytes_of(bytes, ids));
    for (const TokenId id : tokenizer->special_ids()) CHECK(bytes.of(id).empty());
  }
}

TEST_CASE("each kind of decoder") {
  const auto spelled = [](const std::string& decoder) {
    const text::TokenBytes bytes = text::token_bytes(*with_decoder(decoder));
    std::vector<std::string> out;
    for (TokenId id = 0; id < 8; ++id) out.emplace_back(bytes.of(id));
    return out;
  };
  using Strings = std::vector<std::string>;
  const std::string mark = "\xE2\x96\x81";
  // The added token has characters of the byte alphabet only, and so has the mark's token not.
  CHECK(spelled(R"({"type": "ByteLevel"})") ==
        Strings{"a", mark + "b", "<0xC3>", "\xC3", " c", "xx", "", "<think>"});
  CHECK(
      spelled(
          R"({"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
    {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]})") ==
      Strings{"a", " b", "\xC3", "\xC3\x83",
              "\xC4\xA0"
              "c",
              "xx", "", "<think>"});
  CHECK(spelled(R"({"type": "Metaspace"})")[1] == " b");
  CHECK(spelled("null")[0] == " a");
  CHECK(spelled(R"({"type": "Strip", "content": "x", "start": 1, "stop": 0})")[5] == "x");
}

TEST_CASE("a decoder that works on several tokens at once has no bytes of tokens") {
  for (
      const char* decoder :
      {R"({"type": "Sequence", "decoders": [{"type": "Fuse"}, {"type": "Replace", "pattern": {"String": "ab"}, "content": "c"}]})",
       R"({"type": "Replace", "pattern": {"Regex": "a+"}, "content": "c"})"}) {
    CHECK(error_says([&] { text::token_bytes(*with_decoder(decoder)); }, {"decoder", "several tokens"}));
  }
}
