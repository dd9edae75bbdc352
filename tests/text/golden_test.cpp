// SPDX-License-Identifier: Apache-2.0
/// Real tokenizers against the ids and texts of the Hugging Face package (made by
/// tests/golden/tokenizer/make_tokenizer_goldens.py) and of the vocabularies' own test files.
#include <map>

#include "tests/support/catch.h"
#include "tests/text/test_data.h"

namespace transom {
namespace {

TEST_CASE("encoding and decoding equal the goldens", "[golden]") {
  const std::string name = GENERATE(from_range(test::tokenizer_names()));
  CAPTURE(name);
  const auto tokenizer = test::load_named(name);
  if (tokenizer == nullptr) return;
  const io::Json texts = io::Json::parse_file(test::golden_dir() / "texts.json");
  const io::Json golden = io::Json::parse_file(test::golden_dir() / (name + ".json"));
  const auto& encoded = golden.at("encode", name).as_array(name);
  REQUIRE(encoded.size() == texts.as_array("texts").size());
  REQUIRE(encoded.size() > 200);
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    const std::string& text = texts.as_array("texts")[i].as_string("text");
    CAPTURE(i, text);
    CHECK(tokenizer->encode(text, {}) == test::ids_of(encoded[i]));
  }
  const auto& decoded = golden.at("decode", name).as_array(name);
  REQUIRE(decoded.size() == 60);
  for (const io::Json& one : decoded) {
    const std::vector<TokenId> ids = test::ids_of(one.at("ids", name));
    CAPTURE(ids);
    CHECK(tokenizer->decode(ids, {.skip_special_tokens = true}) == one.at("skip", name).as_string(name));
    CHECK(tokenizer->decode(ids, {.skip_special_tokens = false}) == one.at("keep", name).as_string(name));
  }
}

TEST_CASE("encoding equals the vocabularies' own test files", "[golden]") {
  // From the test file's name to the tokenizer's.
  static const std::map<std::string, std::string> kTokenizerOf = {{"gpt-2", "gpt2"},
                                                                  {"qwen2", "qwen2"},
                                                                  {"deepseek-r1-qwen", "qwen2"},
                                                                  {"llama-spm", "phi3v-llama2"},
                                                                  {"phi-3", "phi3v-llama2"},
                                                                  {"deepseek-llm", "deepseek-llm"},
                                                                  {"deepseek-coder", "deepseek-coder"}};
  for (const auto& [file, name] : kTokenizerOf) {
    const std::vector<test::VocabCase> cases = test::vocab_cases(file);
    const auto tokenizer = test::load_named(name);
    if (cases.empty() || tokenizer == nullptr) continue;
    CHECK(cases.size() == 46);
    for (const test::VocabCase& one : cases) {
      CAPTURE(file, one.text);
      CHECK(tokenizer->encode(one.text, {.add_special_tokens = false}) == one.ids);
    }
  }
}

}  // namespace
}  // namespace transom
