// SPDX-License-Identifier: Apache-2.0
// generate_batch: for each prompt what generate() gives for it alone.
#include <map>

#include "tests/support/catch.h"
#include "tests/support/paths.h"
#include "tests/support/throws.h"
#include "transom/transom.h"

using namespace transom;
using transom::testing::contains;
using transom::testing::error_of;

namespace {

Model story_model(std::int64_t window = -1) {
  Config config = AutoConfig::from_pretrained(testing::tinystories().string());
  config.update({{"attention_window", window}});
  return AutoModel::from_pretrained(testing::tinystories().string(), config, {.threads = 2});
}

// Of unlike lengths, one longer than the window below.
const std::vector<std::string> kPrompts = {
    "A",
    "Once upon a time there was a little girl who",
    "The dog ran to the park and saw a big ball. He wanted to play with it, but",
    "Tom",
    "Lily and Ben like to play in the garden. One day they find",
    "The sun was",
    "It was raining. The boy was sad because he could not go outside. His mom said,",
    "Once there was a red car"};

}  // namespace

TEST_CASE("batch: each prompt's own greedy text") {
  for (const std::int64_t window : {std::int64_t{-1}, std::int64_t{12}}) {
    const Model model = story_model(window);
    const GenerationConfig config{.max_new_tokens = 60};
    std::map<std::size_t, std::string> streamed;
    const auto results = model.generate_batch(kPrompts, config, [&](std::size_t i, std::string_view piece) {
      streamed[i] += piece;
      return true;
    });
    REQUIRE(results.size() == kPrompts.size());
    for (std::size_t i = 0; i < kPrompts.size(); ++i) {
      INFO(kPrompts[i] << " window " << window);
      const Generation alone = model.generate(kPrompts[i], config);
      CHECK(results[i].tokens == alone.tokens);
      CHECK(results[i].text == alone.text);
      CHECK(results[i].finish_reason == alone.finish_reason);
      CHECK(streamed[i] == alone.text);
    }
  }
}

TEST_CASE("batch: samples, stop strings and log-probabilities as alone") {
  const Model model = story_model();
  GenerationConfig config{.max_new_tokens = 40, .do_sample = true, .seed = 11, .stop = {"."}, .logprobs = 2};
  const auto results = model.generate_batch(kPrompts, config);
  for (std::size_t i = 0; i < kPrompts.size(); ++i) {
    const Generation alone = model.generate(kPrompts[i], config);
    CHECK(results[i].text == alone.text);
    CHECK(results[i].score == Approx(alone.score).margin(1e-3));
    CHECK(results[i].logprobs.size() == alone.logprobs.size());
  }
}

TEST_CASE("batch: beams") {
  const Model model = story_model();
  GenerationConfig config{.max_new_tokens = 12};
  config.num_beams = 3;
  const auto results = model.generate_batch(std::span(kPrompts).first(3), config);
  for (std::size_t i = 0; i < results.size(); ++i)
    CHECK(results[i].tokens == model.generate(kPrompts[i], config).tokens);
}

TEST_CASE("batch: more prompts than go at once; one may be cancelled") {
  const Model model = story_model();
  std::vector<std::string> many;
  for (int i = 0; i < 70; ++i) many.push_back(kPrompts[static_cast<std::size_t>(i) % kPrompts.size()]);
  const GenerationConfig config{.max_new_tokens = 5};
  const auto results =
      model.generate_batch(many, config, [](std::size_t i, std::string_view) { return i != 40; });
  REQUIRE(results.size() == 70);
  for (std::size_t i = 0; i < many.size(); ++i) {
    if (i == 40) {
      CHECK(results[i].finish_reason == FinishReason::cancelled);
    } else {
      CHECK(results[i].tokens == results[i % kPrompts.size()].tokens);
    }
  }
}

TEST_CASE("batch: nothing and impossible prompts") {
  const Model model = story_model();
  CHECK(model.generate_batch(std::span<const std::string>()).empty());
  const std::vector<std::vector<TokenId>> empty{{1, 2}, {}};
  CHECK(contains(error_of<InvalidArgument>([&] { model.generate_batch(empty); }), "prompt 1"));
  const std::vector<std::vector<TokenId>> outside{{1, 2}, {3, 1 << 20}};
  CHECK(contains(error_of<InvalidArgument>([&] { model.generate_batch(outside); }), "prompt 1: token 1"));
}
