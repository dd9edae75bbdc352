// SPDX-License-Identifier: Apache-2.0
#include "generation/settings.h"

#include "tests/support/catch.h"
#include "tests/support/throws.h"

using transom::Config;
using transom::FormatError;
using transom::GenerationConfig;
using transom::InvalidArgument;
using transom::TokenId;
using transom::UnsupportedError;
using transom::generation::Defaults;
using transom::generation::read_defaults;
using transom::generation::resolve;
using transom::testing::contains;
using transom::testing::error_of;

namespace {

Defaults defaults_of(const std::string& json, const std::string& config = "{}") {
  const auto parsed = transom::io::Json::parse(json, "generation_config.json");
  return read_defaults(&parsed, "generation_config.json", Config::from_json(config));
}

}  // namespace

TEST_CASE("settings: library defaults are those of transformers") {
  const auto settings = resolve({}, {}, 5, 100);
  CHECK(settings.max_new_tokens == 20);
  CHECK_FALSE(settings.do_sample);
  CHECK(settings.top_k == 50);
  CHECK(settings.temperature == 1.0f);
  CHECK(settings.eos_token_ids.empty());
}

TEST_CASE("settings: call beats file beats default") {
  const Defaults file =
      defaults_of(R"({"temperature": 0.6, "top_p": 0.95, "do_sample": true, "max_new_tokens": 7,
                                        "eos_token_id": [3, 4], "transformers_version": "5.0"})");
  auto settings = resolve({}, file, 5, 100);
  CHECK(settings.do_sample);
  CHECK(settings.temperature == 0.6f);
  CHECK(settings.top_p == 0.95f);
  CHECK(settings.top_k == 50);
  CHECK(settings.max_new_tokens == 7);
  CHECK(settings.eos_token_ids == std::vector<TokenId>{3, 4});
  GenerationConfig config;
  config.temperature = 1.0f;
  config.do_sample = false;
  config.eos_token_ids = {9};
  config.max_new_tokens = 3;
  settings = resolve(config, file, 5, 100);
  CHECK(settings.temperature == 1.0f);
  CHECK_FALSE(settings.do_sample);
  CHECK(settings.eos_token_ids == std::vector<TokenId>{9});
  CHECK(settings.max_new_tokens == 3);
  config.ignore_eos = true;
  CHECK(resolve(config, file, 5, 100).eos_token_ids.empty());
}

TEST_CASE("settings: eos ids of config.json serve where the generation config has none") {
  CHECK(read_defaults(nullptr, "", Config::from_json(R"({"eos_token_id": 2})")).eos_token_ids ==
        std::vector<TokenId>{2});
  CHECK(defaults_of("{}", R"({"eos_token_id": [5, 6]})").eos_token_ids == std::vector<TokenId>{5, 6});
  CHECK(defaults_of(R"({"eos_token_id": 1})", R"({"eos_token_id": [5, 6]})").eos_token_ids ==
        std::vector<TokenId>{1});
  CHECK(defaults_of("{}", R"({"eos_token_id": null})").eos_token_ids.empty());
}

TEST_CASE("settings: max_length counts the prompt, max_new_tokens wins") {
  GenerationConfig config;
  config.max_length = 12;
  CHECK(resolve(config, {}, 5, 100).max_new_tokens == 7);
  CHECK(contains(error_of<InvalidArgument>([&] { resolve(config, {}, 12, 100); }), "max_length"));
  config.max_new_tokens = 3;
  CHECK(resolve(config, {}, 12, 100).max_new_tokens == 3);
}

TEST_CASE("settings: impossible options say what is expected") {
  const auto problem = [](auto change) {
    GenerationConfig config;
    change(config);
    return error_of<InvalidArgument>([&] { resolve(config, {}, 1, 100); });
  };
  CHECK(contains(problem([](auto& c) { c.temperature = 0.0f; }), "temperature"));
  CHECK(contains(problem([](auto& c) { c.temperature = 0.0f / 0.0f; }), "temperature"));
  CHECK(contains(problem([](auto& c) { c.top_p = 1.5f; }), "top_p"));
  CHECK(contains(problem([](auto& c) { c.top_p = 0.0f; }), "top_p"));
  CHECK(contains(problem([](auto& c) { c.min_p = -0.1f; }), "min_p"));
  CHECK(contains(problem([](auto& c) { c.top_k = -1; }), "top_k"));
  CHECK(contains(problem([](auto& c) { c.max_new_tokens = -1; }), "max_new_tokens"));
  CHECK(contains(problem([](auto& c) { c.min_new_tokens = -1; }), "min_new_tokens"));
  CHECK(contains(problem([](auto& c) { c.repetition_penalty = 0.0f; }), "repetition_penalty"));
  CHECK(contains(problem([](auto& c) { c.stop = {""}; }), "stop"));
  CHECK(contains(problem([](auto& c) { c.logit_bias = {{100, 1.0f}}; }), "logit_bias"));
  CHECK(contains(problem([](auto& c) { c.logprobs = 101; }), "logprobs"));
  CHECK(contains(problem([](auto& c) { c.processors.push_back({}); }), "processors"));
}

TEST_CASE("settings: options of later versions are refused, not ignored") {
  const auto problem = [](auto change) {
    GenerationConfig config;
    change(config);
    return error_of<UnsupportedError>([&] { resolve(config, {}, 1, 100); });
  };
  CHECK(contains(problem([](auto& c) { c.num_beams = 4; }), "num_beams"));
  CHECK(contains(problem([](auto& c) { c.typical_p = 0.9f; }), "typical_p"));
  CHECK(contains(problem([](auto& c) { c.no_repeat_ngram_size = 2; }), "no_repeat_ngram_size"));
  CHECK(contains(problem([](auto& c) { c.bad_words = {{1}}; }), "bad_words"));
  GenerationConfig neutral;
  neutral.num_beams = 1;
  neutral.typical_p = 1.0f;
  CHECK_NOTHROW(resolve(neutral, {}, 1, 100));
}

TEST_CASE("settings: a generation_config.json of the wrong kind is named") {
  CHECK(contains(error_of<FormatError>([] { defaults_of(R"({"temperature": "hot"})"); }),
                 "generation_config.json: temperature"));
  CHECK(contains(error_of<FormatError>([] { defaults_of(R"({"eos_token_id": ["x"]})"); }), "eos_token_id"));
  CHECK(defaults_of(R"({"eos_token_id": [-1, 4]})").eos_token_ids == std::vector<TokenId>{4});
  CHECK_FALSE(defaults_of(R"({"temperature": 0.0, "do_sample": false})").temperature);
  CHECK(contains(error_of<FormatError>([] { defaults_of(R"({"temperature": 0.0, "do_sample": true})"); }),
                 "generation_config.json: temperature"));
  CHECK(contains(error_of<FormatError>([] { defaults_of(R"({"max_new_tokens": -1})"); }), "max_new_tokens"));
  CHECK(contains(error_of<FormatError>([] { defaults_of("[1]"); }), "expected an object"));
}
