// SPDX-License-Identifier: Apache-2.0
// A million tokens through one session: memory stays where it is, and the text goes on as that of a fresh
// session which has read only what the layers still see.
#include <malloc.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/logits.h"
#include "tests/support/paths.h"
#include "transom/transom.h"

using namespace transom;
using transom::testing::largest_difference;

namespace {

constexpr std::int64_t kMillion = 1'000'000, kWindow = 96, kLayers = 2;
// A state of the last layer sees a window of states of the layer below, each of which sees a window of
// tokens.
constexpr std::int64_t kReach = kLayers * (kWindow - 1) + 1;
constexpr std::int64_t kParts = 100, kPartsOfATenth = kParts / 10;

/// What every text ends with, so that what the model says next depends neither on the machine's rounding nor
/// on the draws before. More than kReach tokens.
constexpr const char* kStory =
    "\nOnce upon a time, there was a little girl named Lily. She lived in a small house near the "
    "big forest with her mom, her dad and her little brother Tom. Every day, Lily and Tom liked "
    "to play in the garden with their red ball and their dog Max. One day, Lily saw a small bird "
    "on the ground. The bird was sad because it had hurt its wing and could not fly. Lily wanted "
    "to help the bird. She took it to the house and asked her mom what to do. Her mom said, \"We "
    "can make a warm bed for the bird and give it some water and bread.\" Lily and Tom found a "
    "box and put a soft blanket in it. They sat next to the box all day and sang a song for the "
    "bird. The next day, the bird felt better. It ate all the bread and began to sing with Lily. "
    "After a week, the wing was strong again. They all went to the garden and Lily opened her "
    "hands. The bird flew up into the sky and sang a happy song. Lily was a bit sad, but she "
    "knew that the bird was happy to be free. Her mom gave her a big hug and said, \"You were "
    "very kind, Lily. I am proud of you.\" Tom and Max were happy too.\n"
    "The next morning, Lily heard a song at her window. It was";

Model story_model(const Value::Map& settings) {
  auto config = AutoConfig::from_pretrained(testing::tinystories().string());
  config.update({{"attention_window", kWindow}});
  config.update(settings);
  return AutoModel::from_pretrained(testing::tinystories().string(), config,
                                    {.threads = 2, .pin_threads = false});
}

/// Resident bytes of this process. Not from /proc/self/status, which is some pages per thread behind.
std::int64_t resident_bytes() {
  std::ifstream rollup("/proc/self/smaps_rollup");
  for (std::string line; std::getline(rollup, line);)
    if (line.starts_with("Rss:")) return std::stoll(line.substr(4)) * 1024;
  return 0;
}

/// Lets a session grow, four tokens of five read in chunks and every fifth written, and watches what the
/// process holds.
class Stream {
 public:
  explicit Stream(Session& session) : session_(session) {
    // The text outgrows its memory again and again: large pieces go back to the system at once, whatever ran
    // before in this process.
    ::mallopt(M_MMAP_THRESHOLD, 128 << 10);
  }

  void grow_to(std::int64_t tokens) {
    for (std::int64_t part = 1; part <= kParts; ++part) {
      const std::int64_t end = tokens * part / kParts;
      while (session_.position() < end) grow(std::min<std::int64_t>(1000, end - session_.position()));
      // A session hands out its text (tokens()), four bytes a token: they are no part of the cache.
      const auto text = static_cast<std::int64_t>(session_.tokens().size_bytes());
      sizes_.push_back(static_cast<double>(resident_bytes() - text));
      if (part % kPartsOfATenth != 0) continue;
      std::printf("soak: %lld of %lld tokens, %.2f MB beside the text\n", static_cast<long long>(end),
                  static_cast<long long>(tokens), sizes_.back() / 1e6);
      std::fflush(stdout);
    }
  }

  /// The median of each tenth but the first: single values differ by a few pages that the allocator has not
  /// given back yet.
  std::vector<double> medians() const {
    std::vector<double> result;
    for (auto tenth = sizes_.begin() + kPartsOfATenth; tenth != sizes_.end(); tenth += kPartsOfATenth) {
      std::vector<double> values(tenth, tenth + kPartsOfATenth);
      std::ranges::sort(values);
      result.push_back(values[values.size() / 2]);
    }
    return result;
  }

 private:
  void grow(std::int64_t tokens) {
    std::vector<TokenId> ids;
    for (std::int64_t i = 0; i < tokens * 4 / 5; ++i)
      ids.push_back(static_cast<TokenId>(random_() % 2000 + 3));
    session_.forward(ids);
    session_.generate("", {.max_new_tokens = static_cast<int>(tokens - tokens * 4 / 5),
                           .do_sample = true,
                           .temperature = 0.9f,
                           .seed = random_(),
                           .ignore_eos = true});
  }

  Session& session_;
  std::mt19937 random_{5};
  std::vector<double> sizes_;
};

/// Flat within 1 %, apart from `growth` bytes.
void check_flat(const Stream& stream, double growth = 0) {
  const auto medians = stream.medians();
  const auto [least, most] = std::ranges::minmax(medians);
  INFO("from " << least << " to " << most << " bytes");
  CHECK(most - least <= 0.01 * least + growth);
}

/// Two sessions that see the same go on alike: one writes greedily, the other writes the same, and both score
/// every token of it alike.
/// @param allowed Difference of two logits.
void check_same(Session& streamed, Session& fresh, double allowed) {
  const GenerationConfig greedy{.max_new_tokens = 400, .do_sample = false, .ignore_eos = true, .logprobs = 2};
  Session streamed_here = streamed.fork(), fresh_here = fresh.fork();
  const Generation expected = fresh.generate("", greedy), found = streamed.generate("", greedy);
  const auto same = static_cast<std::size_t>(std::ranges::mismatch(expected.tokens, found.tokens).in1 -
                                             expected.tokens.begin());
  const double worst = largest_difference(streamed_here.forward(expected.tokens, LogitsFor::all),
                                          fresh_here.forward(expected.tokens, LogitsFor::all));
  std::printf("soak: %zu of %zu tokens alike, logits within %.4f\n", same, expected.tokens.size(), worst);
  CHECK(worst < allowed);
  CHECK(same >= 100);
  if (same == expected.tokens.size()) return;
  // Only where two tokens are as probable as each other, within rounding, may a text take another turn.
  const auto& best = expected.logprobs[same].top;
  CHECK(static_cast<double>(best[0].logprob - best[1].logprob) < 2 * allowed);
}

void soak_window(std::int64_t sinks, std::int64_t tokens) {
  const Model model = story_model({{"attention_sinks", sinks}});
  const auto story = model.tokenizer().encode(kStory, {.add_special_tokens = false});
  REQUIRE(static_cast<std::int64_t>(story.size()) >= kReach);
  Session streamed = model.new_session();
  const std::int64_t bytes = streamed.kv_bytes();
  Stream stream(streamed);
  stream.grow_to(tokens);
  CHECK(streamed.kv_bytes() == bytes);
  check_flat(stream);

  streamed.forward(story);
  const auto text = streamed.tokens();
  std::vector<TokenId> seen(text.begin(), text.begin() + sinks);
  seen.insert(seen.end(), text.end() - kReach, text.end());
  Session fresh = model.new_session();
  fresh.forward(seen);
  // A rotation of the fastest dimension at position 10^6 is an angle of 10^6, which f32 knows to 1/32 radian:
  // logits up to 24 differ by 0.09.
  check_same(streamed, fresh, 0.15);
}

}  // namespace

TEST_CASE("soak: a million tokens through a window") { soak_window(0, kMillion); }

TEST_CASE("soak: a million tokens through a window with sinks") { soak_window(4, kMillion); }

TEST_CASE("soak: a log stride grows with the logarithm of the text, and decodes as it reads") {
  constexpr std::int64_t kTokens = kMillion / 5;
  const Model model = story_model({{"attention_pattern", "log_stride"}});
  Session streamed = model.new_session();
  Stream stream(streamed);
  stream.grow_to(kTokens);
  const auto cache = [&](std::int64_t tokens) {
    return model.new_session({.max_context = tokens}).kv_bytes();
  };
  check_flat(stream, static_cast<double>(cache(kTokens) - cache(kTokens / 10)));
  // It sees some tokens of everything: the fresh session reads it all, in other chunks.
  Session fresh = model.new_session({.prefill_chunk = 300});
  fresh.forward(streamed.tokens());
  check_same(streamed, fresh, 0.002);
}
