// SPDX-License-Identifier: Apache-2.0
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/support/catch.h"
#include "tests/support/paths.h"
#include "tests/support/story_model.h"
#include "tests/support/throws.h"
#include "transom/transom.h"

using namespace transom;
using transom::testing::contains;
using transom::testing::error_of;
using transom::testing::story_model;

namespace {

/// One passage of REFERENCE_GREEDY.txt: prompt and the ids after BOS, prompt included.
struct Passage {
  std::string prompt;
  std::vector<TokenId> ids;
};

std::vector<Passage> reference_passages() {
  std::ifstream file(testing::tinystories() / "REFERENCE_GREEDY.txt");
  std::vector<Passage> passages;
  std::string line;
  bool ids_follow = false;
  while (std::getline(file, line)) {
    const auto open = line.find("prompt [");
    if (open != line.npos) {
      passages.push_back({line.substr(open + 8, line.find(']', open) - open - 8), {}});
    } else if (line.starts_with("# token ids")) {
      ids_follow = true;
    } else if (ids_follow) {
      std::istringstream words(line);
      for (TokenId id = 0; words >> id;) passages.back().ids.push_back(id);
      ids_follow = false;
    }
  }
  return passages;
}

}  // namespace

TEST_CASE("generate: greedy text equals an independent engine's") {
  const auto passages = reference_passages();
  REQUIRE(passages.size() >= 2);
  const Tokenizer tokenizer = story_model().tokenizer();
  for (const Passage& passage : passages) {
    INFO(passage.prompt);
    std::vector<TokenId> prompt = tokenizer.encode(passage.prompt);
    REQUIRE(prompt.front() == *tokenizer.bos_id());
    const auto prompt_size = static_cast<std::ptrdiff_t>(prompt.size() - 1);  // without BOS
    REQUIRE(std::vector<TokenId>(passage.ids.begin(), passage.ids.begin() + prompt_size) ==
            std::vector<TokenId>(prompt.begin() + 1, prompt.end()));
    GenerationConfig config;
    config.max_new_tokens = static_cast<int>(passage.ids.size()) - static_cast<int>(prompt_size);
    config.ignore_eos = true;
    const Generation result = story_model().generate(prompt, config);
    CHECK(result.tokens == std::vector<TokenId>(passage.ids.begin() + prompt_size, passage.ids.end()));
  }
}

TEST_CASE("generate: pieces join to the text, each of them valid UTF-8") {
  std::string joined;
  const Generation result =
      story_model().generate("Once upon a time", {.max_new_tokens = 40}, [&](std::string_view piece) {
        joined += piece;
        return true;
      });
  CHECK(joined == result.text);
  CHECK(result.tokens.size() == 40);
  CHECK(result.finish_reason == FinishReason::length);
  CHECK(result.timings.new_tokens == 40);
  CHECK(result.timings.prompt_tokens > 3);
  CHECK(result.timings.peak_bytes > 1000000);
}

TEST_CASE("generate: ends at eos, and leaves it out of the text") {
  const Generation result =
      story_model().generate("Once upon a time, there was a little girl named Lily", {.max_new_tokens = 400});
  CHECK(result.finish_reason == FinishReason::eos);
  CHECK(result.tokens.back() == 2);
  GenerationConfig config;
  config.max_new_tokens = 8;
  config.eos_token_ids = {result.tokens[3], result.tokens[2]};
  const Generation early =
      story_model().generate("Once upon a time, there was a little girl named Lily", config);
  CHECK(early.finish_reason == FinishReason::eos);
  CHECK(early.tokens.size() == 3);
  config.min_new_tokens = 6;
  const Generation late =
      story_model().generate("Once upon a time, there was a little girl named Lily", config);
  CHECK(late.tokens.size() >= 6);
}

TEST_CASE("generate: the text continues the prompt, space included") {
  for (const std::string prompt : {"Once upon a time", "Tom and Sue", "The dog", "One day, a bird"}) {
    const Generation result = story_model().generate(prompt, {.max_new_tokens = 12});
    std::vector<TokenId> all = story_model().tokenizer().encode(prompt);
    all.insert(all.end(), result.tokens.begin(), result.tokens.end());
    CHECK(prompt + result.text == story_model().tokenizer().decode(all));
  }
}

TEST_CASE("generate: stop strings end the text before them") {
  const Generation whole = story_model().generate("Once upon a time", {.max_new_tokens = 60});
  const std::string stop = whole.text.substr(20, 9);
  GenerationConfig config;
  config.max_new_tokens = 60;
  config.stop = {"never there", stop};
  std::string joined;
  const Generation result = story_model().generate("Once upon a time", config, [&](std::string_view piece) {
    joined += piece;
    return true;
  });
  CHECK(result.finish_reason == FinishReason::stop);
  CHECK(result.text == whole.text.substr(0, whole.text.find(stop)));
  CHECK(joined == result.text);
}

TEST_CASE("generate: the callback cancels, and so does another thread") {
  int calls = 0;
  const Generation result = story_model().generate("Once upon a time", {.max_new_tokens = 60},
                                                   [&](std::string_view) { return ++calls < 3; });
  CHECK(result.finish_reason == FinishReason::cancelled);
  CHECK(calls == 3);
  CHECK(result.tokens.size() < 60);

  std::stop_source source;
  GenerationConfig config;
  config.max_new_tokens = 100000;
  config.ignore_eos = true;
  config.stop_token = source.get_token();
  Config windowed = story_model().config();
  windowed.update({{"attention_window", 64}});
  const Model endless = AutoModel::from_pretrained(testing::tinystories().string(), windowed);
  std::jthread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    source.request_stop();
  });
  CHECK(endless.generate("Once upon a time", config).finish_reason == FinishReason::cancelled);
  config.max_new_tokens = 5;
  CHECK(endless.generate("Once upon a time", config).tokens.empty());  // stopped before it began
}

TEST_CASE("generate: an exception of the callback reaches the caller, and the session goes on") {
  Session session = story_model().new_session();
  CHECK_THROWS_AS(session.generate("Once upon a time", {.max_new_tokens = 9},
                                   [](std::string_view) -> bool { throw std::runtime_error("full disk"); }),
                  std::runtime_error);
  CHECK(session.generate("", {.max_new_tokens = 3}).tokens.size() == 3);
}

TEST_CASE("generate: same seed, same text; another seed, another text") {
  GenerationConfig config;
  config.max_new_tokens = 40;
  config.do_sample = true;
  config.temperature = 1.2f;
  config.seed = 11;
  const std::string a = story_model().generate("The dog", config).text;
  CHECK(story_model().generate("The dog", config).text == a);
  config.seed = 12;
  CHECK(story_model().generate("The dog", config).text != a);
}

TEST_CASE("generate: processors of the user see the text and steer it") {
  GenerationConfig config;
  config.max_new_tokens = 5;
  std::size_t seen = 0;
  config.processors.push_back([&](std::span<const TokenId> so_far, std::span<float> logits) {
    seen = so_far.size();
    logits[100] = 1e9f;
  });
  const Generation result = story_model().generate("The dog", config);
  CHECK(result.tokens == std::vector<TokenId>(5, 100));
  CHECK(seen == static_cast<std::size_t>(result.timings.prompt_tokens) + 4);
}

TEST_CASE("generate: logprobs are those of the model") {
  GenerationConfig config;
  config.max_new_tokens = 4;
  config.logprobs = 3;
  const Generation result = story_model().generate("The dog", config);
  REQUIRE(result.logprobs.size() == 4);
  double sum = 0;
  for (const TokenLogprobs& entry : result.logprobs) {
    REQUIRE(entry.top.size() == 3);
    CHECK(entry.top[0].token == entry.token);  // greedy
    CHECK(entry.top[0].logprob >= entry.top[1].logprob);
    sum += static_cast<double>(entry.logprob);
  }
  CHECK(result.score == Approx(sum));
  CHECK(result.score < 0);
}

TEST_CASE("generate: many threads share one model and get what one alone gets") {
  const char* prompts[] = {"The dog", "Lily", "One day", "Once upon a time"};
  std::vector<std::string> alone, together(8);
  for (const char* prompt : prompts)
    alone.push_back(story_model().generate(prompt, {.max_new_tokens = 24}).text);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < together.size(); ++i) {
      threads.emplace_back([&, i] {
        Session session = story_model().new_session();
        together[i] = session.generate(prompts[i % 4], {.max_new_tokens = 24}).text;
      });
    }
  }
  for (std::size_t i = 0; i < together.size(); ++i) CHECK(together[i] == alone[i % 4]);
}

TEST_CASE("generate: quantised on load, the stories stay stories") {
  const auto ids = story_model().tokenizer().encode("Once upon a time, there was a little girl named Lily");
  const Logits original = story_model().new_session().forward(ids);
  const auto distance = [&](const Logits& a, const Logits& b) {
    double difference = 0, square = 0;
    for (std::size_t i = 0; i < a.values.size(); ++i) {
      difference += std::pow(static_cast<double>(a.values[i] - b.values[i]), 2);
      square += std::pow(static_cast<double>(a.values[i]), 2);
    }
    return std::sqrt(difference / square);
  };
  const auto logits = [&](const char* quantization, const char* activations) {
    Config config = story_model().config();
    config.update({{"quantization", quantization}, {"activation_dtype", activations}});
    const Model quantised = AutoModel::from_pretrained(testing::tinystories().string(), config);
    CHECK(quantised.info().weight_bytes < story_model().info().weight_bytes * 6 / 10);
    return quantised.new_session().forward(ids);
  };
  double before = 0;
  for (const char* quantization : {"int8", "int4", "int3", "int2"}) {
    const Logits exact = logits(quantization, "f32"), rounded = logits(quantization, "int8");
    const double weights = distance(original, exact), activations = distance(exact, rounded);
    INFO(quantization << " weights " << weights << " activations " << activations);
    CHECK(weights > before);  // fewer bits, more error
    before = weights;
    CHECK(activations > 0);  // it really is another computation
    CHECK(activations < 0.05);
    if (std::string_view(quantization) == "int8") CHECK(weights < 0.02);
    if (std::string_view(quantization) == "int4") CHECK(weights < 0.25);
  }
}

TEST_CASE("generate: a cache in int8 or fp8 moves the logits little and takes a quarter of the memory") {
  const auto ids = story_model().tokenizer().encode("Once upon a time, there was a little girl named Lily");
  const auto session = [&](const char* dtype) {
    Config config = story_model().config();
    config.update({{"kv_cache_dtype", dtype}});
    return AutoModel::from_pretrained(testing::tinystories().string(), config).new_session();
  };
  for (const char* dtype : {"int8", "fp8"}) {
    INFO(dtype);
    Session exact = session("f32"), rounded = session(dtype);
    // One by one: what was rounded is read back by every later step.
    std::vector<float> wanted, actual;
    for (const TokenId id : ids) {
      wanted = exact.forward(std::span(&id, 1)).values;
      actual = rounded.forward(std::span(&id, 1)).values;
    }
    double difference = 0, square = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      difference += std::pow(static_cast<double>(wanted[i] - actual[i]), 2);
      square += std::pow(static_cast<double>(wanted[i]), 2);
    }
    // fp8 keeps 4 bits of each number, int8 about 6 of most.
    CHECK(std::sqrt(difference / square) < (dtype[0] == 'i' ? 0.02 : 0.1));
    CHECK(difference > 0);
    CHECK(rounded.kv_bytes() < exact.kv_bytes() * 4 / 10);
    Session copy = rounded.fork();
    CHECK(copy.forward(ids).values == rounded.forward(ids).values);
  }
}

TEST_CASE("generate: a prompt that can not be is refused") {
  Session session = story_model().new_session();
  CHECK(contains(error_of<InvalidArgument>([&] { session.generate(std::span<const TokenId>()); }),
                 "at least one token"));
  const std::vector<TokenId> outside{1, 2048};
  CHECK(contains(error_of<InvalidArgument>([&] { session.generate(outside); }), "2048"));
  const std::vector<TokenId> negative{-1};
  CHECK(contains(error_of<InvalidArgument>([&] { session.forward(negative); }), "-1"));
  const std::vector<TokenId> longer(600, 5);
  CHECK(contains(error_of<InvalidArgument>([&] { session.forward(longer); }), "600"));
  CHECK(session.position() == 0);
  CHECK(contains(error_of<InvalidArgument>([] { Model().generate("x"); }), "empty"));
}
