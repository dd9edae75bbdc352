// SPDX-License-Identifier: Apache-2.0
#include "generation/settings.h"

#include "generation/generation_file.h"
#include "tests/support/catch.h"
#include "tests/support/throws.h"

using transom::Config;
using transom::FormatError;
using transom::GenerationConfig;
using transom::InvalidArgument;
using transom::TokenId;
using transom::UnsupportedError;
using transom::generation::read_generation_config;
using transom::generation::resolve;
using transom::testing::contains;
using transom::testing::error_of;

namespace {

GenerationConfig defaults_of(const std::string& json, const std::string& config = "{}") {
  const auto parsed = transom::io::Json::parse(json, "generation_config.json");
  return read_generation_config(&parsed, "generation_config.json", Config::from_json(config));
}

}  // namespace

TEST_CASE("settings: library defaults are those of transformers") {
  const auto settings = resolve({}, {}, 5, 100);
  CHECK(settings.max_new_tokens == 20);
  CHECK_FALSE(settings.do_sample);
  CHECK(settings.truncation.top_k == 50);
  CHECK(settings.truncation.temperature == 1.0f);
  CHECK(settings.eos_token_ids.empty());
}

TEST_CASE("settings: call beats file beats default") {
  const GenerationConfig file =
      defaults_of(R"({"temperature": 0.6, "top_p": 0.95, "do_sample": true, "max_new_tokens": 7,
                                        "eos_token_id": [3, 4], "transformers_version": "5.0"})");
  auto settings = resolve({}, file, 5, 100);
  CHECK(settings.do_sample);
  CHECK(settings.truncation.temperature == 0.6f);
  CHECK(settings.truncation.top_p == 0.95f);
  CHECK(settings.truncation.top_k == 50);
  CHECK(settings.max_new_tokens == 7);
  CHECK(settings.eos_token_ids == std::vector<TokenId>{3, 4});
  GenerationConfig config;
  config.temperature = 1.0f;
  config.do_sample = false;
  config.eos_token_ids = {9};
  config.max_new_tokens = 3;
  settings = resolve(config, file, 5, 100);
  CHECK(settings.truncation.temperature == 1.0f);
  CHECK_FALSE(settings.do_sample);
  CHECK(settings.eos_token_ids == std::vector<TokenId>{9});
  CHECK(settings.max_new_tokens == 3);
  config.ignore_eos = true;
  CHECK(resolve(config, file, 5, 100).eos_token_ids.empty());
}

TEST_CASE("settings: eos ids of config.json serve where the generation config has none") {
  CHECK(read_generation_config(nullptr, "", Config::from_json(R"({"eos_token_id": 2})")).eos_token_ids ==
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

TEST_CASE("settings: every field of the file arrives, and the call's own wins") {
  const GenerationConfig file = defaults_of(R"({
    "do_sample": true, "min_length": 9, "top_h": 0.5, "typical_p": 0.9, "epsilon_cutoff": 0.1, "eta_cutoff": 0.2,
    "no_repeat_ngram_size": 3, "num_beams": 4, "length_penalty": 0.5, "early_stopping": "never",
    "num_return_sequences": 2, "renormalize_logits": true, "forced_bos_token_id": 5, "forced_eos_token_id": [6, 7],
    "bad_words_ids": [[8, 9], [4]], "sequence_bias": [[[1, 2], -0.5]], "suppress_tokens": [10],
    "begin_suppress_tokens": [11], "exponential_decay_length_penalty": [12, 1.5], "stop_strings": ["x", "yy"],
    "eos_token_id": 4})");
  const auto settings = resolve({}, file, 5, 100);
  CHECK(settings.min_new_tokens == 4);
  CHECK(settings.truncation.top_h == 0.5f);
  CHECK(settings.truncation.typical_p == 0.9f);
  CHECK(settings.truncation.epsilon_cutoff == 0.1f);
  CHECK(settings.truncation.eta_cutoff == 0.2f);
  CHECK(settings.truncation.min_tokens_to_keep == 2);
  CHECK(settings.no_repeat_ngram_size == 3);
  CHECK(settings.beam.beams == 4);
  CHECK(settings.beam.length_penalty == 0.5f);
  CHECK(settings.beam.early_stopping == transom::EarlyStopping::never);
  CHECK(settings.beam.renormalize);
  CHECK(settings.num_return_sequences == 2);
  CHECK(settings.forced_bos_token_id == 5);
  CHECK(settings.forced_eos_token_ids == std::vector<TokenId>{6, 7});
  CHECK(settings.bad_words == std::vector<std::vector<TokenId>>{{8, 9}});  // {4} is EOS
  CHECK(settings.sequence_bias.at({1, 2}) == -0.5f);
  CHECK(settings.suppress_tokens == std::vector<TokenId>{10});
  CHECK(settings.begin_suppress_tokens == std::vector<TokenId>{11});
  CHECK(settings.exponential_decay == std::pair<int, float>{12, 1.5f});
  CHECK(settings.stop == std::vector<std::string>{"x", "yy"});
  GenerationConfig own;
  own.num_beams = 1;
  own.num_return_sequences = 1;
  own.early_stopping = transom::EarlyStopping::no;
  own.stop = {"z"};
  own.typical_p = 1.0f;
  const auto mine = resolve(own, file, 5, 100);
  CHECK(mine.beam.beams == 1);
  CHECK(mine.beam.early_stopping == transom::EarlyStopping::no);
  CHECK(mine.stop == std::vector<std::string>{"z"});
  CHECK(mine.truncation.typical_p == 1.0f);
}

TEST_CASE("settings: combinations that can not be are named") {
  GenerationConfig config;
  config.num_beams = 2;
  config.guidance_scale = 2.0f;
  CHECK(contains(error_of<UnsupportedError>([&] { resolve(config, {}, 1, 100); }), "guidance_scale"));
  config.guidance_scale = 1.0f;
  config.mirostat = 2;
  CHECK(contains(error_of<InvalidArgument>([&] { resolve(config, {}, 1, 100); }), "mirostat"));
  config.mirostat = 3;
  CHECK(contains(error_of<InvalidArgument>([&] { resolve(config, {}, 1, 100); }), "mirostat"));
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
