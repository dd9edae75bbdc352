// SPDX-License-Identifier: Apache-2.0
/// Whole files and directories, and the public class.
#include "tests/support/catch.h"
#include "tests/text/temporary_directory.h"
#include "tests/text/test_data.h"
#include "text/tokenizer_loader.h"
#include "transom/error.h"

namespace transom::text {
namespace {

const std::string kTiny = R"({"version": "1.0", "truncation": {"max_length": 1}, "padding": {"length": 9},
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "\ufffd": 2}, "merges": []}, "decoder": {"type": "Fuse"}})";

TEST_CASE("a directory without tokenizer.json is NotFound", "[loader]") {
  const test::TemporaryDirectory directory;
  CHECK_THROWS_AS(load_tokenizer(directory.path()), NotFound);
  CHECK(test::error_says([&] { load_tokenizer(directory.path()); }, {"tokenizer.json"}));
}

TEST_CASE("a directory is read with its configuration", "[loader]") {
  const test::TemporaryDirectory directory;
  directory.write("tokenizer.json", kTiny);
  directory.write("tokenizer_config.json", R"({"tokenizer_class": "LlamaTokenizer", "bos_token": "b"})");
  directory.write("special_tokens_map.json", R"({"eos_token": "a"})");
  const auto tokenizer = load_tokenizer(directory.path());
  CHECK(tokenizer->bos_id() == 1);
  CHECK(tokenizer->eos_ids() == std::vector<TokenId>{0});
  directory.write("tokenizer.json", "{");
  CHECK(test::error_says([&] { load_tokenizer(directory.path()); }, {"tokenizer.json", "byte"}));
}

TEST_CASE("files of another shape are refused", "[loader]") {
  CHECK_THROWS_AS(test::tokenizer_of("[]"), FormatError);
  CHECK_THROWS_AS(test::tokenizer_of("{}"), FormatError);
  CHECK(
      test::error_says([] { test::tokenizer_of(R"({"version": "2.0", "model": {}})"); }, {"version", "2.0"}));
  CHECK_THROWS_AS(
      test::tokenizer_of(R"({"model": {"type": "BPE", "vocab": {}, "merges": []}, "added_tokens": 3})"),
      FormatError);
}

TEST_CASE("truncation and padding are ignored", "[loader]") {
  CHECK(test::tokenizer_of(kTiny)->encode("abab", {}) == std::vector<TokenId>{0, 1, 0, 1});
}

TEST_CASE("invalid UTF-8 is read as U+FFFD", "[loader]") {
  const Tokenizer tokenizer(test::tokenizer_of(kTiny));
  CHECK(tokenizer.encode("a\xFF\xE4\xBD"
                         "b") == std::vector<TokenId>{0, 2, 2, 1});
}

TEST_CASE("the public class answers for its vocabulary", "[loader]") {
  const Tokenizer tokenizer(test::tokenizer_of(kTiny));
  const Tokenizer copy = tokenizer;
  CHECK(copy.token_to_id("b") == 1);
  CHECK(copy.token_to_id("c") == std::nullopt);
  CHECK(copy.id_to_token(0) == "a");
  CHECK_THROWS_AS(copy.id_to_token(3), NotFound);
  CHECK_THROWS_AS(copy.id_to_token(-1), NotFound);
  CHECK(copy.vocab_size() == 3);
  CHECK(copy.bos_id() == std::nullopt);
  CHECK(copy.eos_ids().empty());
  CHECK(copy.decode(std::vector<TokenId>{0, 5, 1}) == "ab");
}

TEST_CASE("a vocabulary without tokens encodes to nothing", "[loader]") {
  const auto tokenizer = test::tokenizer_of(R"({"model": {"type": "BPE", "vocab": {}, "merges": []}})");
  CHECK(tokenizer->encode("abc", {}).empty());
  CHECK(tokenizer->vocab_size() == 0);
}

}  // namespace
}  // namespace transom::text
