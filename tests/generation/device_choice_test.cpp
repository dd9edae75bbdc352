// SPDX-License-Identifier: Apache-2.0
// When a device that can choose tokens is asked to, and for what.
#include <functional>
#include <memory>
#include <vector>

#include "generation/loop.h"
#include "tests/generation/choosing_backend.h"
#include "tests/model/small_models.h"
#include "tests/support/catch.h"
#include "tests/support/throws.h"

namespace transom::testing {
namespace {

using Resolved = generation::Settings;

/// A small model on a device that chooses tokens, or on one that does not.
struct Fixture {
  std::shared_ptr<ChoosingBackend> device = std::make_shared<ChoosingBackend>(two_threads());
  std::unique_ptr<model::Transformer> transformer = load_small_model("llama-mha", {}, device);
  std::unique_ptr<model::Transformer> on_cpu = load_small_model("llama-mha", {});

  Resolved settings(int new_tokens = 6) const {
    Resolved result;
    result.prompt_tokens = 5;
    result.max_new_tokens = new_tokens;
    return result;
  }

  std::vector<TokenId> generate(const Resolved& settings, const model::Transformer& model) const {
    model::Sequence sequence(model, {.max_context = 64, .prefill_chunk = 3});
    std::vector<TokenId> tokens = some_ids(5, 1, sequence.vocab());
    std::vector<float> logits(static_cast<std::size_t>(sequence.vocab()));
    const generation::Call call{settings, nullptr, sequence.vocab() - 2};
    return generation::run({&sequence, &tokens, 0}, call, {}, logits).tokens;
  }
  std::vector<TokenId> generate(const Resolved& settings) {
    device->asked.clear();
    device->downloads = 0;
    return generate(settings, *transformer);
  }
};

}  // namespace

TEST_CASE("device choice: greedy text is the host's, and no logits come from the device") {
  Fixture fixture;
  const Resolved settings = fixture.settings();
  CHECK(fixture.generate(settings) == fixture.generate(settings, *fixture.on_cpu));
  CHECK(fixture.device->asked.size() == 6);
  CHECK(fixture.device->downloads == 0);
  CHECK_FALSE(fixture.device->asked.front().sample);
  CHECK(fixture.device->asked.front().usable == fixture.transformer->spec().vocab - 2);
}

TEST_CASE("device choice: a sampled token takes its settings and one random number of the generator") {
  Fixture fixture;
  Resolved settings = fixture.settings(3);
  settings.do_sample = true;
  settings.seed = 9;
  settings.truncation = {.temperature = 0.5f, .top_k = 7, .top_p = 0.75f, .min_p = 0.25f};
  fixture.generate(settings);
  REQUIRE(fixture.device->asked.size() == 3);
  std::mt19937_64 random(9);
  for (const backend::TokenChoice& choice : fixture.device->asked) {
    CHECK(choice.sample);
    CHECK(choice.temperature == 0.5f);
    CHECK(choice.top_k == 7);
    CHECK(choice.top_p == 0.75f);
    CHECK(choice.min_p == 0.25f);
    CHECK(choice.random == random());
  }
}

TEST_CASE("device choice: the host chooses where something has to see the logits") {
  Fixture fixture;
  const auto asked = [&](const std::function<void(Resolved&)>& change) {
    Resolved settings = fixture.settings();
    settings.do_sample = true;
    settings.eos_token_ids = {3};
    change(settings);
    fixture.generate(settings);
    return fixture.device->asked.size();
  };
  CHECK(asked([](Resolved&) {}) > 0);
  const std::vector<std::function<void(Resolved&)>> changes = {
      [](Resolved& s) { s.logprobs = 1; },
      [](Resolved& s) {
        s.logit_bias = {{2, 1.0f}};
      },
      [](Resolved& s) {
        s.sequence_bias = {{{2, 3}, 1.0f}};
      },
      [](Resolved& s) { s.repetition_penalty = 1.1f; },
      [](Resolved& s) { s.frequency_penalty = 0.1f; },
      [](Resolved& s) { s.presence_penalty = 0.1f; },
      [](Resolved& s) { s.dry.multiplier = 1; },
      [](Resolved& s) { s.no_repeat_ngram_size = 2; },
      [](Resolved& s) { s.bad_words = {{4}}; },
      [](Resolved& s) { s.suppress_tokens = {4}; },
      [](Resolved& s) {
        s.exponential_decay = {1, 1.1f};
      },
      [](Resolved& s) { s.processors = {[](std::span<const TokenId>, std::span<float>) {}}; },
      [](Resolved& s) { s.watermark.emplace(); },
      [](Resolved& s) { s.guidance_scale = 1.5f; },
      [](Resolved& s) { s.truncation.top_n_sigma = 1; },
      [](Resolved& s) { s.truncation.top_h = 0.5f; },
      [](Resolved& s) { s.truncation.typical_p = 0.9f; },
      [](Resolved& s) { s.truncation.epsilon_cutoff = 0.01f; },
      [](Resolved& s) { s.truncation.eta_cutoff = 0.01f; },
      [](Resolved& s) { s.truncation.xtc_probability = 0.5f; },
      [](Resolved& s) { s.truncation.mirostat = 2; },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    INFO("change " << i);
    CHECK(asked(changes[i]) == 0);
  }
}

TEST_CASE("device choice: rules for the beginning and the end leave the tokens between to the device") {
  Fixture fixture;
  Resolved settings = fixture.settings(6);
  settings.eos_token_ids = {3};
  settings.min_new_tokens = 2;
  settings.forced_eos_token_ids = {3};
  const std::vector<TokenId> tokens = fixture.generate(settings);
  CHECK(tokens == fixture.generate(settings, *fixture.on_cpu));
  if (tokens.size() == 6) CHECK(fixture.device->asked.size() == 3);
}

TEST_CASE("device choice: where no token is possible") {
  Fixture fixture;
  fixture.device->none_possible = true;
  CHECK_THROWS_AS(fixture.generate(fixture.settings()), InvalidArgument);
}

TEST_CASE("device choice: many texts go together, and together to the host if one has to") {
  Fixture fixture;
  const auto run = [&](const Resolved& first, const Resolved& second) {
    model::Sequence sequence(*fixture.transformer, {.max_context = 64, .prefill_chunk = 8});
    const auto sibling = sequence.sibling();
    std::vector<TokenId> tokens = some_ids(5, 1, sequence.vocab()), others = some_ids(5, 2, sequence.vocab());
    const generation::Text texts[] = {{&sequence, &tokens, 0}, {sibling.get(), &others, 0}};
    const generation::Call calls[] = {{first, nullptr, sequence.vocab()},
                                      {second, nullptr, sequence.vocab()}};
    fixture.device->asked.clear();
    std::vector<std::vector<TokenId>> results;
    for (const Generation& generation : generation::run_batch(texts, calls, {}))
      results.push_back(generation.tokens);
    return results;
  };
  const Resolved plain = fixture.settings();
  Resolved looking = plain;
  looking.suppress_tokens = {-1};  // no token
  const auto expected = run(looking, looking);
  CHECK(fixture.device->asked.empty());
  CHECK(run(plain, plain) == expected);
  CHECK(fixture.device->asked.size() == 12);
  CHECK(run(plain, looking) == expected);
  CHECK(fixture.device->asked.size() == 1);  // the first token of the first text
}

TEST_CASE("device choice: more texts than are scored at once, and than go through the model at once") {
  Fixture fixture;
  for (const std::int64_t chunk : {8, 100}) {
    Resolved settings = fixture.settings(3);
    settings.num_return_sequences = 70;
    model::Sequence sequence(*fixture.transformer, {.max_context = 64, .prefill_chunk = chunk});
    std::vector<TokenId> tokens = some_ids(5, 1, sequence.vocab());
    std::vector<float> logits(static_cast<std::size_t>(sequence.vocab()));
    const generation::Call call{settings, nullptr, sequence.vocab() - 2};
    fixture.device->asked.clear();
    const std::vector<TokenId> expected = fixture.generate(fixture.settings(3), *fixture.on_cpu);
    const auto results = generation::run_samples({&sequence, &tokens, 0}, call, logits);
    REQUIRE(results.size() == 70);
    for (const Generation& result : results) CHECK(result.tokens == expected);
    CHECK(fixture.device->asked.size() == 140);  // all but the first tokens, which one row of logits gives
  }
}

}  // namespace transom::testing
