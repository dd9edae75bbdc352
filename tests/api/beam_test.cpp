// SPDX-License-Identifier: Apache-2.0
// Beam search and guidance against transformers (tests/golden/generation), and what only beams do.
#include <filesystem>
#include <map>

#include "generation/generation_file.h"
#include "tests/support/catch.h"
#include "tests/support/paths.h"
#include "tests/support/story_model.h"
#include "tests/support/throws.h"
#include "transom/transom.h"

using namespace transom;
using transom::io::Json;
using transom::testing::contains;
using transom::testing::error_of;
using transom::testing::story_model;

namespace {

namespace fs = std::filesystem;

const fs::path kGolden = fs::path(TRANSOM_SOURCE_DIR) / "tests" / "golden";

const Model& golden_model(const std::string& name) {
  static std::map<std::string, Model> models;
  const auto found = models.find(name);
  if (found != models.end()) return found->second;
  Config config = AutoConfig::from_pretrained((kGolden / name).string());
  config.update({{"dtype", "f32"}, {"kv_cache_dtype", "f32"}, {"max_context", 256}});
  return models[name] = AutoModel::from_pretrained((kGolden / name).string(), config, {.threads = 2});
}

std::vector<TokenId> ids(const Json& json) {
  std::vector<TokenId> result;
  for (const Json& id : json.as_array("")) result.push_back(static_cast<TokenId>(id.as_int("")));
  return result;
}

}  // namespace

TEST_CASE("beams: sequences and scores are those of transformers") {
  const Json file = Json::parse_file(kGolden / "generation" / "beams.json");
  const auto& cases = file.at("content", "").as_array("");
  CHECK(cases.size() > 20);
  for (const Json& item : cases) {
    const Json& fields = item.at("config", "");
    GenerationConfig config = generation::read_generation_config(&fields, "case", Config::from_json("{}"));
    config.eos_token_ids = ids(item.at("eos_token_id", ""));
    if (const Json* groups = fields.find("num_beam_groups")) INFO("groups " << groups->as_int(""));
    INFO(item.at("model", "").as_string("") << ", prompt of " << item.at("prompt", "").as_array("").size());
    const Model& model = golden_model(item.at("model", "").as_string(""));
    const auto results = model.generate_all(ids(item.at("prompt", "")), config);
    const auto& sequences = item.at("sequences", "").as_array("");
    const auto& scores = item.at("scores", "").as_array("");
    REQUIRE(results.size() == sequences.size());
    for (std::size_t i = 0; i < results.size(); ++i) {
      CHECK(results[i].tokens == ids(sequences[i]));
      CHECK(results[i].score == Approx(scores[i].as_double("")).margin(1e-3));
    }
  }
}

TEST_CASE("guidance: the text is that of transformers") {
  const Json file = Json::parse_file(kGolden / "generation" / "guidance.json");
  for (const Json& item : file.at("content", "").as_array("")) {
    GenerationConfig config;
    config.max_new_tokens = 20;
    config.ignore_eos = true;
    config.guidance_scale = static_cast<float>(item.at("scale", "").as_double(""));
    config.negative_prompt_ids = ids(item.at("negative", ""));
    INFO(item.at("model", "").as_string(""));
    const Model& model = golden_model(item.at("model", "").as_string(""));
    CHECK(model.generate(ids(item.at("prompt", "")), config).tokens == ids(item.at("tokens", "")));
  }
}

TEST_CASE("beams: one beam is greedy, the best of several is no less probable") {
  GenerationConfig config{.max_new_tokens = 12, .logprobs = 1};
  const Generation greedy = story_model().generate("The dog", config);
  config.num_beams = 4;
  config.length_penalty = 0.0f;
  std::string streamed;
  const Generation best = story_model().generate("The dog", config, [&](std::string_view piece) {
    streamed += piece;
    return true;
  });
  CHECK(best.score >= greedy.score - 1e-3);
  CHECK(streamed == best.text);
  double sum = 0;
  for (const TokenLogprobs& token : best.logprobs) sum += static_cast<double>(token.logprob);
  CHECK(best.logprobs.size() == best.tokens.size());
  CHECK(sum == Approx(best.score).margin(1e-3));
}

TEST_CASE("beams: the session goes on after the best text") {
  GenerationConfig config{.max_new_tokens = 8};
  config.num_beams = 3;
  Session session = story_model().new_session();
  const Generation best = session.generate("Once upon a time", config);
  const auto tokens = session.tokens();
  CHECK(std::vector<TokenId>(tokens.end() - static_cast<std::ptrdiff_t>(best.tokens.size()), tokens.end()) ==
        best.tokens);
  const std::vector<TokenId> whole(tokens.begin(), tokens.end());
  const Generation more = session.generate("", {.max_new_tokens = 6});
  CHECK(more.tokens == story_model().generate(whole, {.max_new_tokens = 6}).tokens);
}

TEST_CASE("beams: a stop string ends a beam and is cut off") {
  GenerationConfig config{.max_new_tokens = 30, .stop = {"."}};
  config.num_beams = 3;
  config.num_return_sequences = 3;
  for (const Generation& result : story_model().generate_all("The dog", config)) {
    CHECK(result.text.find('.') == std::string::npos);
    CHECK((result.finish_reason == FinishReason::stop || result.finish_reason == FinishReason::length));
  }
}

TEST_CASE("beams: sampled beams depend on the seed only") {
  GenerationConfig config{.max_new_tokens = 10, .do_sample = true, .seed = 5};
  config.num_beams = 3;
  config.num_return_sequences = 2;
  const auto texts = [&] {
    std::vector<std::string> result;
    for (const Generation& generation : story_model().generate_all("The dog", config))
      result.push_back(generation.text);
    return result;
  };
  const auto first = texts();
  CHECK(first == texts());
  CHECK(first.size() == 2);
  config.seed = 6;
  CHECK(first != texts());
}

TEST_CASE("samples: several independent ones, the first as generate() gives it") {
  GenerationConfig config{.max_new_tokens = 12, .do_sample = true, .seed = 3};
  config.num_return_sequences = 4;
  const auto all = story_model().generate_all("The dog", config);
  REQUIRE(all.size() == 4);
  CHECK(all[0].text == story_model().generate("The dog", config).text);
  CHECK(all[0].text != all[1].text);
  CHECK(all[2].text != all[3].text);
}

TEST_CASE("beams: cancelling and time give what is there") {
  GenerationConfig config{.max_new_tokens = 400, .ignore_eos = true};
  config.num_beams = 2;
  std::stop_source source;
  source.request_stop();
  config.stop_token = source.get_token();
  CHECK(story_model().generate("The dog", config).finish_reason == FinishReason::cancelled);
  config.stop_token = {};
  config.max_time = 1e-6f;
  CHECK(story_model().generate("The dog", config).finish_reason == FinishReason::length);
  config.num_beams = 1;
  CHECK(story_model().generate("The dog", config).finish_reason == FinishReason::length);
}

TEST_CASE("beams: echo is part of every text, and its prompt is scored") {
  GenerationConfig config{.max_new_tokens = 6, .logprobs = 2, .echo = true};
  config.num_beams = 3;
  config.num_return_sequences = 2;
  const auto with = story_model().generate_all("The dog", config);
  config.echo = false;
  const auto without = story_model().generate_all("The dog", config);
  REQUIRE(with.size() == 2);
  for (std::size_t i = 0; i < with.size(); ++i) {
    CHECK(with[i].text == "The dog" + without[i].text);
    CHECK(with[i].tokens == without[i].tokens);
    CHECK(with[i].prompt_logprobs.size() == story_model().tokenizer().encode("The dog").size());
    CHECK(with[i].timings.peak_bytes > 0);
  }
}

TEST_CASE("beams: a stop string over several tokens, and a callback that says no") {
  GenerationConfig config{.max_new_tokens = 30};
  config.num_beams = 2;
  const std::string whole = story_model().generate("The dog", config).text;
  config.stop = {whole.substr(whole.size() / 2, 9)};
  CHECK(story_model().generate("The dog", config).text.find(config.stop[0]) == std::string::npos);
  const auto no = [](std::string_view) { return false; };
  CHECK(story_model().generate("The dog", config, no).finish_reason == FinishReason::cancelled);
}

TEST_CASE("guidance: a long negative prompt needs no room in the text, alone or in a batch") {
  GenerationConfig config{.max_new_tokens = 5};
  config.guidance_scale = 1.5f;
  for (int i = 0; i < 30; ++i) config.negative_prompt += " The cat sat on the mat.";
  const std::vector<std::string> prompts{"A dog", "Once"};
  const auto batch = story_model().generate_batch(prompts, config);
  for (std::size_t i = 0; i < prompts.size(); ++i)
    CHECK(batch[i].tokens == story_model().generate(prompts[i], config).tokens);
  for (int i = 0; i < 300; ++i) config.negative_prompt += " The cat sat on the mat.";
  Session session = story_model().new_session();
  CHECK(contains(error_of<InvalidArgument>([&] { session.generate("A dog", config); }), "negative_prompt"));
  CHECK(session.position() == 0);
}

TEST_CASE("beams: impossible combinations are named") {
  const auto problem = [](auto change) {
    GenerationConfig config;
    change(config);
    return error_of<InvalidArgument>([&] { story_model().generate("The dog", config); });
  };
  CHECK(contains(problem([](auto& c) { c.num_return_sequences = 2; }), "do_sample or num_beams"));
  CHECK(contains(problem([](auto& c) {
                   c.num_beams = 2;
                   c.num_return_sequences = 3;
                 }),
                 "num_return_sequences"));
  CHECK(contains(problem([](auto& c) {
                   c.num_beams = 4;
                   c.num_beam_groups = 3;
                 }),
                 "divisor"));
  CHECK(contains(problem([](auto& c) { c.diversity_penalty = 1.0f; }), "num_beam_groups"));
  CHECK(contains(problem([](auto& c) { c.num_beams = 0; }), "num_beams"));
  CHECK(contains(problem([](auto& c) { c.num_beams = 2000000000; }), "num_beams"));
  CHECK(contains(problem([](auto& c) {
                   c.do_sample = true;
                   c.num_return_sequences = 2000000000;
                 }),
                 "num_return_sequences"));
}
