// SPDX-License-Identifier: Apache-2.0
/// Whole files and directories, and the public class.
#include "tests/support/catch.h"
#include "tests/text/temporary_directory.h"
#include "tests/text/test_data.h"
#include "text/decoders/stream_decoder.h"
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

TEST_CASE("a byte-level vocabulary in files of its own", "[loader]") {
  const test::TemporaryDirectory directory;
  directory.write("vocab.json", R"({"a": 0, "b": 1, "ab": 2, "<|endoftext|>": 3})");
  CHECK_THROWS_AS(load_tokenizer(directory.path()), NotFound);  // the merges are missing
  directory.write("merges.txt", "#version: 0.2\na b\r\n");
  const auto tokenizer = load_tokenizer(directory.path());
  CHECK(tokenizer->encode("abb<|endoftext|>", {}) == std::vector<TokenId>{2, 1, 3});
  CHECK(tokenizer->eos_ids() == std::vector<TokenId>{3});
  directory.write("tokenizer_config.json", R"({"tokenizer_class": "MagicTokenizer"})");
  CHECK(test::error_says([&] { load_tokenizer(directory.path()); },
                         {"vocab.json", "MagicTokenizer", "GPT2Tokenizer"}));
  directory.write("tokenizer_config.json", R"({"tokenizer_class": "RobertaTokenizer"})");
  CHECK(test::error_says([&] { load_tokenizer(directory.path()); }, {"vocab.json", "cls_token", "<s>"}));
  directory.write("tokenizer_config.json", "{}");
  directory.write("merges.txt", "a b\n\na c\n");
  CHECK(test::error_says([&] { load_tokenizer(directory.path()); }, {"merges.txt", "[2]", "ac"}));
  directory.write("merges.txt", "ab\n");
  CHECK(test::error_says([&] { load_tokenizer(directory.path()); }, {"merges.txt", "[0]"}));
  directory.write("merges.txt", "");
  directory.write("added_tokens.json", R"({"<x>": 9, "<y>": 9})");
  CHECK(test::error_says([&] { load_tokenizer(directory.path()); }, {"added_tokens.json", "<y>"}));
}

TEST_CASE("a list of words", "[loader]") {
  const test::TemporaryDirectory directory;
  directory.write("vocab.txt", "[UNK]\n[CLS]\n[SEP]\na\n##b");
  CHECK(load_tokenizer(directory.path())->encode("Ab x", {}) == std::vector<TokenId>{1, 3, 4, 0, 2});
  directory.write("tokenizer_config.json", R"({"do_lower_case": false, "cls_token": {"content": "[SEP]"}})");
  CHECK(load_tokenizer(directory.path())->encode("Ab", {}) == std::vector<TokenId>{2, 0, 2});
  directory.write("vocab.txt", "[UNK]\n");
  CHECK_THROWS_AS(load_tokenizer(directory.path()), FormatError);
  directory.write("tokenizer_config.json", R"({"tokenizer_class": "GPT2Tokenizer"})");
  CHECK_THROWS_AS(load_tokenizer(directory.path()), UnsupportedError);
}

TEST_CASE("spaces before punctuation are cleaned up as told", "[loader]") {
  const auto decoded = [](const std::string& type, const std::string& config_text) {
    const io::Json tokenizer =
        io::Json::parse(R"({"model": {"type": ")" + type + R"(", "merges": [], "unk_token": "?",
            "vocab": {"?": 0, "a": 1, ".": 2, "n't": 3, "'": 4}}})",
                        "t.json");
    const io::Json config = io::Json::parse(config_text, "c.json");
    const auto loaded = tokenizer_from_json({&tokenizer, "t.json"}, {&config, "c.json"});
    const std::vector<TokenId> ids = {1, 2, 1, 3, 4, 1, 2, 2};
    StreamDecoder stream(loaded, {});
    std::string streamed;
    for (const TokenId id : ids) stream.push(id, streamed);
    stream.finish(streamed);
    CHECK(streamed == loaded->decode(ids, {}));
    return streamed;
  };
  CHECK(decoded("WordLevel", "{}") == "a . a n't ' a . .");
  CHECK(decoded("WordLevel", R"({"clean_up_tokenization_spaces": true})") == "a. an't'a..");
  CHECK(decoded("BPE", R"({"clean_up_tokenization_spaces": true})") == "a . a n't ' a . .");
  CHECK(decoded("BPE", R"({"clean_up_tokenization_spaces": true,
                  "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output": true})") ==
        "a. an't'a..");
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
