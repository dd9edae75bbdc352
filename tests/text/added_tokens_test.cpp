// SPDX-License-Identifier: Apache-2.0
#include "text/added_tokens.h"

#include <algorithm>

#include "tests/support/catch.h"
#include "tests/text/test_data.h"

namespace transom::text {
namespace {

using Ids = std::vector<TokenId>;

/// A tokenizer of the letters a, b, x, the space, and these added tokens.
std::shared_ptr<const TokenizerImpl> with_added(const std::string& added, const std::string& more = "") {
  return test::tokenizer_of(
      R"({"added_tokens": [)" + added + "]," + more +
      R"("model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "x": 2, " ": 3, "<": 4, "|": 5,
                            "_": 6}, "merges": []}, "decoder": {"type": "Fuse"}})");
}

TEST_CASE("added tokens are found leftmost and longest", "[added_tokens]") {
  const auto tokenizer =
      with_added(R"({"id": 10, "content": "<a"}, {"id": 11, "content": "<ab", "special": true},
                                       {"id": 12, "content": "bx"}, {"id": 13, "content": ""})");
  CHECK(tokenizer->encode("<abx<ax", {}) == Ids{11, 2, 10, 2});
  CHECK(tokenizer->encode("<abbx", {}) == Ids{11, 12});
  CHECK(tokenizer->encode("<", {}) == Ids{4});
  CHECK(tokenizer->vocab_size() == 13);
  CHECK(tokenizer->is_special(11));
  CHECK_FALSE(tokenizer->is_special(10));
  CHECK(tokenizer->special_ids() == Ids{11});
  CHECK(tokenizer->decode(Ids{0, 11, 10, 99, -5}, {}) == "a<a");
  CHECK(tokenizer->decode(Ids{0, 11, 10}, {.skip_special_tokens = false}) == "a<ab<a");
}

TEST_CASE("added tokens may swallow whitespace", "[added_tokens]") {
  const auto tokenizer = with_added(R"({"id": 10, "content": "<l>", "lstrip": true},
                                       {"id": 11, "content": "<r>", "rstrip": true})");
  CHECK(tokenizer->encode("a \t<l> b", {}) == Ids{0, 10, 3, 1});
  CHECK(tokenizer->encode("a <r> \u3000\nb", {}) == Ids{0, 3, 11, 1});
  CHECK(tokenizer->encode("<r>  <l>  ", {}) == Ids{11, 10, 3, 3});
}

TEST_CASE("a single word stands alone", "[added_tokens]") {
  const auto tokenizer = with_added(R"({"id": 10, "content": "ab", "single_word": true})");
  CHECK(tokenizer->encode("ab", {}) == Ids{10});
  CHECK(tokenizer->encode("ab x", {}) == Ids{10, 3, 2});
  CHECK(tokenizer->encode("xab", {}) == Ids{2, 0, 1});
  CHECK(tokenizer->encode("ab_", {}) == Ids{0, 1, 6});
  CHECK(tokenizer->encode("<ab<", {}) == Ids{4, 10, 4});
}

TEST_CASE("normalized tokens are looked for in normalised text", "[added_tokens]") {
  const auto tokenizer = with_added(R"({"id": 10, "content": "AB", "normalized": true},
                                       {"id": 11, "content": "XX", "normalized": false})",
                                    R"("normalizer": {"type": "Lowercase"},)");
  CHECK(tokenizer->encode("aB", {}) == Ids{10});
  CHECK(tokenizer->encode("xxXX", {}) == Ids{2, 2, 11});
  // The flag's default: what is not special is normalized.
  CHECK(with_added(R"({"id": 10, "content": "AB"})", R"("normalizer": {"type": "Lowercase"},)")
            ->encode("ab", {}) == Ids{10});
}

TEST_CASE("parse_special = false leaves no way to write control tokens", "[added_tokens]") {
  const auto tokenizer =
      with_added(R"({"id": 10, "content": "<|a|>"}, {"id": 11, "content": "ab", "special": true},
                                       {"id": 12, "content": "  "}, {"id": 13, "content": "xx"},
                                       {"id": 14, "content": "\uff5cx"})");
  const EncodeOptions plain{.parse_special = false};
  CHECK(tokenizer->encode("<|a|>ab  xx\uff5cx", {}) == Ids{10, 11, 12, 13, 14});
  CHECK(tokenizer->encode("<|a|>ab  xx\uff5cx", plain) == Ids{4, 5, 0, 5, 0, 1, 12, 13, 2});
}

TEST_CASE("no model finds a control token in plain text", "[added_tokens]") {
  const std::string added =
      R"({"added_tokens": [{"id": 0, "content": "<s>", "special": true}, {"id": 1, "content": "<u>", "special": true}], "model": )";
  const std::string tail = R"("<s>": 0, "<u>": 1, "<": 2, "s>": 3, "a": 4, "##s>": 5, "##<s>": 6, "##a": 7)";
  const std::string models[] = {
      R"({"type": "Unigram", "unk_id": 1, "vocab": [["<s>", 0], ["<u>", 0], ["<", -9], ["s>", -9], ["a", -9]]})",
      R"({"type": "WordLevel", "unk_token": "<u>", "vocab": {)" + tail + "}}",
      R"({"type": "WordPiece", "unk_token": "<u>", "vocab": {)" + tail + "}}",
      R"({"type": "BPE", "ignore_merges": true, "vocab": {"<s>": 0, "<u>": 1, "<": 2, "s": 3, ">": 4, "s>": 5},
          "merges": ["s >"]})"};
  for (const std::string& model : models) {
    CAPTURE(model);
    const auto tokenizer = test::tokenizer_of(added + model + "}");
    CHECK(tokenizer->encode("<s>", {}) == Ids{0});
    const Ids plain = tokenizer->encode("<s>", {.parse_special = false});
    CHECK(std::find(plain.begin(), plain.end(), 0) == plain.end());
    CHECK(plain.size() == 2);
  }
}

TEST_CASE("a normalizer works on each segment by itself", "[added_tokens]") {
  const auto tokenizer = with_added(R"({"id": 10, "content": "<s>", "normalized": false})",
                                    R"("normalizer": {"type": "Prepend", "prepend": "_"},)");
  CHECK(tokenizer->encode("a<s>b", {}) == Ids{6, 0, 10, 6, 1});
}

TEST_CASE("wrong added tokens are errors that say where", "[added_tokens]") {
  const auto says = [](const std::string& added, const std::vector<std::string>& parts) {
    return test::error_says([&] { with_added(added); }, parts);
  };
  CHECK(says(R"({"id": 9, "content": "a"})", {"added_tokens[0]", "id 9", "id 0"}));
  CHECK(says(R"({"id": 0, "content": "q"})", {"added_tokens[0]", "\"q\"", "\"a\""}));
  CHECK(says(R"({"id": 9, "content": "q"}, {"id": 9, "content": "r"})", {"added_tokens[1]", "id 9"}));
  CHECK(says(R"({"id": 9, "content": "q"}, {"id": 10, "content": "q"})", {"added_tokens[1]", "id 10"}));
  CHECK(says(R"({"id": -9, "content": "q"})", {"added_tokens[0].id", "-9"}));
  CHECK(says(R"({"id": 4000000000, "content": "q"})", {"added_tokens[0].id"}));
  CHECK(says(R"({"content": "q"})", {"added_tokens[0]", "\"id\""}));
  CHECK(says(R"({"id": 9})", {"added_tokens[0]", "\"content\""}));
  CHECK(says(R"({"id": 9, "content": "q", "special": 1})", {"added_tokens[0].special"}));
  CHECK(says(R"({"id": 9, "content": ")" + std::string(2000, 'q') + "\"}",
             {"added_tokens[0].content", "2000"}));
}

}  // namespace
}  // namespace transom::text
