// SPDX-License-Identifier: Apache-2.0
// Constraints in generation: what a constraint is and how it is compiled is tested in tests/generation.
#include <regex>

#include "io/json.h"
#include "tests/support/byte_model.h"
#include "tests/support/catch.h"
#include "tests/support/paths.h"
#include "tests/support/story_model.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/throws.h"
#include "transom/transom.h"

using namespace transom;
using transom::testing::contains;
using transom::testing::error_of;
using transom::testing::story_model;

namespace {

/// The story model can not spell braces; this one can spell everything.
const Model& byte_model() {
  static const testing::TemporaryDirectory directory;
  static const Model model = [] {
    testing::write_byte_model(directory.path());
    return AutoModel::from_pretrained(directory.path().string(), {.threads = 2});
  }();
  return model;
}

}  // namespace

TEST_CASE("constraint: a regex holds whatever the model wants") {
  GenerationConfig config{.max_new_tokens = 60, .do_sample = true, .temperature = 1.5f};
  config.regex = "(yes|no), (1[0-9]|[2-9]) dogs?";
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    config.seed = seed;
    const Generation result = story_model().generate("The dog", config);
    INFO(result.text);
    CHECK(std::regex_match(result.text, std::regex(config.regex)));
    CHECK(result.finish_reason != FinishReason::length);
  }
}

TEST_CASE("constraint: JSON by schema, sampled and by beams, alone and in a batch") {
  GenerationConfig config{.max_new_tokens = 200, .do_sample = true, .seed = 3};
  config.json_schema =
      R"({"type": "object", "properties": {"name": {"type": "string", "maxLength": 8}, "age": {"type": "integer",
          "minimum": 0, "maximum": 120}}, "required": ["name", "age"], "additionalProperties": false})";
  const auto check = [](const Generation& result) {
    INFO(result.text);
    REQUIRE(result.finish_reason != FinishReason::length);
    const io::Json json = io::Json::parse(result.text, "generated");
    CHECK(json.at("name", "").is_string());
    CHECK(json.at("age", "").as_int("") <= 120);
  };
  check(byte_model().generate("Tom", config));
  const std::vector<std::string> prompts{"The dog", "Once", "A big red ball"};
  for (const Generation& result : byte_model().generate_batch(prompts, config)) check(result);
  config.do_sample = false;
  config.num_beams = 3;
  config.num_return_sequences = 3;
  for (const Generation& result : byte_model().generate_all("Tom", config)) check(result);
}

TEST_CASE("constraint: a grammar, and a text that stops short is a beginning") {
  GenerationConfig config{.max_new_tokens = 4};
  config.grammar = "root ::= \"a\" root | \"b\"";
  const Generation result = story_model().generate("The dog", config);
  CHECK(std::regex_match(result.text, std::regex("a*b?")));
}

TEST_CASE("constraint: user processors can not undo it") {
  GenerationConfig config{.max_new_tokens = 20};
  config.regex = "cat";
  config.processors.push_back([](std::span<const TokenId>, std::span<float> logits) {
    for (float& logit : logits) logit = 1;
  });
  CHECK(story_model().generate("The dog", config).text == "cat");
}

TEST_CASE("constraint: what the vocabulary can not spell is said") {
  GenerationConfig config;
  config.json_schema = "{\"type\": \"object\"}";
  CHECK(contains(error_of<UnsupportedError>([&] { story_model().generate("x", config); }), "no token"));
}

TEST_CASE("constraint: mistakes are named") {
  GenerationConfig config;
  config.regex = "a(";
  CHECK(contains(error_of<FormatError>([&] { story_model().generate("x", config); }), "regex"));
  config.grammar = "root ::= \"a\"";
  CHECK(contains(error_of<InvalidArgument>([&] { story_model().generate("x", config); }), "one of"));
  config.regex.clear();
  config.grammar.clear();
  config.json_schema = R"({"type": "string", "unheardOf": 1})";
  CHECK(contains(error_of<UnsupportedError>([&] { story_model().generate("x", config); }), "unheardOf"));
}
