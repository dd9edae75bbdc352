// SPDX-License-Identifier: Apache-2.0
// Speculative decoding: whatever is guessed, the text is the one that would have been written without.
#include <stdexcept>

#include "tests/support/byte_model.h"
#include "tests/support/catch.h"
#include "tests/support/story_model.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/throws.h"
#include "transom/transom.h"

using namespace transom;
using transom::testing::contains;
using transom::testing::error_of;
using transom::testing::story_model;

namespace {

constexpr const char* kRepetition =
    "The cat sat on the mat. The dog sat on the mat. The cat sat on the mat. The dog";

Model story(std::initializer_list<std::pair<std::string_view, Value>> settings) {
  auto config = AutoConfig::from_pretrained(testing::tinystories().string());
  config.update(settings);
  return AutoModel::from_pretrained(testing::tinystories().string(), config,
                                    {.threads = 2, .pin_threads = false});
}

GenerationConfig with_lookup(GenerationConfig config, int tokens = 8) {
  config.prompt_lookup_num_tokens = tokens;
  return config;
}

GenerationConfig with_assistant(GenerationConfig config, const Model& assistant, int tokens = 6) {
  config.assistant_model = std::make_shared<const Model>(assistant);
  config.num_assistant_tokens = tokens;
  return config;
}

/// Both ways to guess give the text, the reason to end and the report of plain generation.
void check_same(const Model& model, std::string_view prompt, const GenerationConfig& config) {
  const Generation plain = model.generate(prompt, config);
  CHECK(plain.timings.drafted_tokens == 0);
  for (const GenerationConfig& guessing : {with_lookup(config), with_assistant(config, model)}) {
    const Generation guessed = model.generate(prompt, guessing);
    CHECK(guessed.tokens == plain.tokens);
    CHECK(guessed.text == plain.text);
    CHECK(guessed.finish_reason == plain.finish_reason);
    CHECK(guessed.timings.accepted_tokens <= guessed.timings.drafted_tokens);
    REQUIRE(guessed.logprobs.size() == plain.logprobs.size());
    for (std::size_t i = 0; i < plain.logprobs.size(); ++i)
      CHECK(guessed.logprobs[i].logprob == Approx(plain.logprobs[i].logprob).margin(1e-3));
  }
}

}  // namespace

TEST_CASE("speculation: greedy text is the same") {
  for (const char* prompt :
       {"Once upon a time", kRepetition, "Lily and Tom went to the", "a a a a a a", "Ben said"})
    check_same(story_model(), prompt, {.max_new_tokens = 60});
}

TEST_CASE("speculation: prompt lookup is right about a text that repeats itself") {
  const Generation guessed =
      story_model().generate(kRepetition, with_lookup({.max_new_tokens = 40, .ignore_eos = true}));
  CHECK(guessed.timings.drafted_tokens > 0);
  CHECK(guessed.timings.accepted_tokens > 0);
}

TEST_CASE("speculation: a model that assists itself is nearly always right") {
  const Timings timings =
      story_model()
          .generate("Once upon a time",
                    with_assistant({.max_new_tokens = 64, .ignore_eos = true}, story_model()))
          .timings;
  CHECK(timings.drafted_tokens > 40);
  CHECK(timings.accepted_tokens * 10 >= timings.drafted_tokens * 9);
}

TEST_CASE("speculation: an assistant that is often wrong changes nothing") {
  const Model rough = story({{"quantization", "int2"}});
  const GenerationConfig config{.max_new_tokens = 60};
  const Generation plain = story_model().generate("One day", config);
  const Generation guessed = story_model().generate("One day", with_assistant(config, rough));
  CHECK(guessed.tokens == plain.tokens);
  CHECK(guessed.timings.accepted_tokens < guessed.timings.drafted_tokens);
}

TEST_CASE("speculation: samples are the same, draw for draw") {
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    check_same(story_model(), kRepetition,
               {.max_new_tokens = 24, .do_sample = true, .temperature = 0.8f, .top_p = 0.95f, .seed = seed});
  }
}

TEST_CASE("speculation: processors, reports and constraints see the tokens that they would see without") {
  check_same(story_model(), kRepetition,
             {.max_new_tokens = 40, .repetition_penalty = 1.2f, .no_repeat_ngram_size = 4, .logprobs = 2});
  check_same(story_model(), kRepetition, {.max_new_tokens = 40, .regex = "( [a-z]+){3,12}\\."});
  check_same(story_model(), kRepetition, {.max_new_tokens = 40, .do_sample = true, .mirostat = 2, .seed = 3});
  check_same(story_model(), kRepetition,
             {.max_new_tokens = 16, .guidance_scale = 1.5f, .negative_prompt = "A"});
}

TEST_CASE("speculation: ends where it would end without") {
  const Generation plain = story_model().generate("Once upon a time", {.max_new_tokens = 60});
  check_same(story_model(), "Once upon a time", {.max_new_tokens = 60, .stop = {" named", "house"}});
  for (const int most : {1, 2, 3, 17}) check_same(story_model(), kRepetition, {.max_new_tokens = most});
  // EOS in the middle of what was guessed.
  check_same(story_model(), "Once upon a time", {.max_new_tokens = 60, .eos_token_ids = {plain.tokens[20]}});
}

TEST_CASE("speculation: up to the last token of the context") {
  const Model model = story({{"max_context", 64}});
  check_same(model, kRepetition, {.max_new_tokens = 1000, .ignore_eos = true});
}

TEST_CASE("speculation: within windows, with sinks and with a small chunk") {
  for (const std::int64_t sinks : {0, 4}) {
    const Model model = story({{"attention_window", 16}, {"attention_sinks", sinks}});
    check_same(model, kRepetition, {.max_new_tokens = 80, .ignore_eos = true});
    Session plain = model.new_session({.prefill_chunk = 4}),
            guessed = model.new_session({.prefill_chunk = 4});
    CHECK(guessed.generate(kRepetition, with_lookup({.max_new_tokens = 60, .ignore_eos = true}, 64)).tokens ==
          plain.generate(kRepetition, {.max_new_tokens = 60, .ignore_eos = true}).tokens);
  }
  // A chunk of one token leaves no room for guesses.
  Session narrow = story_model().new_session({.prefill_chunk = 1});
  CHECK(narrow.generate(kRepetition, with_lookup({.max_new_tokens = 8})).timings.drafted_tokens == 0);
}

TEST_CASE("speculation: a session goes on where the text ends") {
  Session plain = story_model().new_session(), guessed = story_model().new_session();
  for (const char* prompt : {kRepetition, " The cat", " and then"}) {
    const GenerationConfig config{.max_new_tokens = 13};
    CHECK(guessed.generate(prompt, with_lookup(config)).tokens == plain.generate(prompt, config).tokens);
    CHECK(guessed.position() == plain.position());
  }
  const Logits a = guessed.forward(std::vector<TokenId>{5}), b = plain.forward(std::vector<TokenId>{5});
  for (std::size_t i = 0; i < a.values.size(); ++i) CHECK(a.values[i] == Approx(b.values[i]).margin(1e-3));
}

TEST_CASE("speculation: a callback that throws or cancels leaves the text as it was written so far") {
  for (const bool throws : {true, false}) {
    Session session = story_model().new_session();
    std::string seen;
    const auto stop_later = [&](std::string_view piece) {
      seen += piece;
      if (seen.size() > 25 && throws) throw std::runtime_error("enough");
      return seen.size() <= 25;
    };
    const GenerationConfig config = with_assistant({.max_new_tokens = 60, .ignore_eos = true}, story_model());
    if (throws) {
      CHECK_THROWS_AS(session.generate("Once upon a time", config, stop_later), std::runtime_error);
    } else {
      CHECK(session.generate("Once upon a time", config, stop_later).finish_reason ==
            FinishReason::cancelled);
    }
    const std::vector<TokenId> so_far(session.tokens().begin(), session.tokens().end());
    CHECK(session.generate(std::span<const TokenId>(), {.max_new_tokens = 10}).tokens ==
          story_model().generate(so_far, {.max_new_tokens = 10}).tokens);
  }
}

TEST_CASE("speculation: where frequencies grow with the text, as without") {
  const testing::TemporaryDirectory directory;
  // 1024 positions are trained; the text grows past them.
  testing::write_byte_model(
      directory.path(), R"("rope_scaling": {"rope_type": "dynamic", "factor": 2.0}, "max_context": 1200,)");
  const Model model = AutoModel::from_pretrained(directory.path().string(), {.threads = 1});
  std::string prompt;
  while (prompt.size() < 1000) prompt += "abc";
  check_same(model, prompt, {.max_new_tokens = 60, .ignore_eos = true});
}

TEST_CASE("speculation: impossible settings") {
  check_same(story_model(), "a", with_lookup({.max_new_tokens = 8}, 0));
  CHECK_NOTHROW(story_model().generate("a", with_lookup({.max_new_tokens = 8}, 100000)));  // as good as 64
  CHECK(contains(error_of<InvalidArgument>([] { story_model().generate("a", with_lookup({}, -1)); }),
                 "prompt_lookup_num_tokens"));
  CHECK(contains(error_of<InvalidArgument>([] {
                   story_model().generate("a", {.prompt_lookup_num_tokens = 4, .max_matching_ngram_size = 0});
                 }),
                 "max_matching_ngram_size"));
  const testing::TemporaryDirectory directory;
  testing::write_byte_model(directory.path());
  const Model bytes = AutoModel::from_pretrained(directory.path().string(), {.threads = 1});
  CHECK(contains(error_of<InvalidArgument>([&] { story_model().generate("a", with_assistant({}, bytes)); }),
                 "assistant_model"));
  CHECK_THROWS_AS(story_model().generate("a", with_assistant({}, Model(nullptr))), InvalidArgument);
}
