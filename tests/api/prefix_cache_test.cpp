// SPDX-License-Identifier: Apache-2.0
// Prompts that begin alike read their beginning once; nothing else changes.
#include <atomic>
#include <random>
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

constexpr std::int64_t kPlenty = std::int64_t{1} << 30;

Model remembering(std::int64_t bytes,
                  std::initializer_list<std::pair<std::string_view, Value>> settings = {}) {
  auto config = AutoConfig::from_pretrained(testing::tinystories().string());
  config.update(settings);
  return AutoModel::from_pretrained(testing::tinystories().string(), config,
                                    {.threads = 2, .pin_threads = false, .prefix_cache_bytes = bytes});
}

std::vector<TokenId> ids(std::size_t n, TokenId step = 37) {
  std::vector<TokenId> result;
  for (std::size_t i = 0; i < n; ++i)
    result.push_back(static_cast<TokenId>((i * static_cast<std::size_t>(step) + 11) % 2000 + 3));
  return result;
}

std::vector<TokenId> joined(std::vector<TokenId> a, const std::vector<TokenId>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

const GenerationConfig kShort{.max_new_tokens = 12, .ignore_eos = true};

}  // namespace

TEST_CASE("prefix cache: a second prompt with the same beginning reads only its own end") {
  const Model model = remembering(kPlenty);
  const auto common = ids(200);
  const auto first = joined(common, ids(5, 91)),
             second = joined(common, ids(9, 53));  // one token more is common
  CHECK(model.generate(first, kShort).timings.prompt_tokens == 205);
  const Generation again = model.generate(second, kShort);
  CHECK(again.timings.prompt_tokens == 8);
  CHECK(again.tokens == story_model().generate(second, kShort).tokens);
  CHECK(model.info().prefix_cache_bytes > 0);
}

TEST_CASE("prefix cache: the same prompt again reads one token, and answers the same") {
  const Model model = remembering(kPlenty);
  const Generation first = model.generate(ids(100), kShort), again = model.generate(ids(100), kShort);
  CHECK(again.tokens == first.tokens);
  CHECK(again.timings.prompt_tokens == 1);
  const auto bytes = model.info().prefix_cache_bytes;
  model.generate(ids(100), kShort);
  CHECK(model.info().prefix_cache_bytes == bytes);  // it is not kept twice
}

TEST_CASE("prefix cache: a conversation that comes as a whole each time reads what is new") {
  const Model model = remembering(kPlenty);
  auto text = ids(60);
  for (int turn = 0; turn < 4; ++turn) {
    const Generation plain = story_model().generate(text, kShort), cached = model.generate(text, kShort);
    CHECK(cached.tokens == plain.tokens);
    if (turn > 0) CHECK(cached.timings.prompt_tokens <= 8);
    text = joined(joined(text, plain.tokens), ids(7, 29 + turn));
  }
}

TEST_CASE("prefix cache: never holds more than its bytes; the text used longest ago goes first") {
  const Model measured = remembering(kPlenty);
  measured.generate(ids(100), kShort);
  const std::int64_t one = measured.info().prefix_cache_bytes;
  const Model model = remembering(2 * one + one / 2);
  const auto reads = [&](TokenId step) {
    const auto tokens = model.generate(ids(100, step), kShort).timings.prompt_tokens;
    CHECK(model.info().prefix_cache_bytes <= 2 * one + one / 2);
    return tokens;
  };
  CHECK(reads(37) == 100);
  CHECK(reads(41) == 100);
  CHECK(reads(37) == 1);
  CHECK(reads(43) == 100);  // 41 goes
  CHECK(reads(37) == 1);
  CHECK(reads(41) == 100);
  const Model small = remembering(one / 2);  // no text fits
  for (int i = 0; i < 2; ++i) CHECK(small.generate(ids(100), kShort).timings.prompt_tokens == 100);
  CHECK(small.info().prefix_cache_bytes == 0);
}

TEST_CASE("prefix cache: a window gives what it still holds, and no more") {
  const std::initializer_list<std::pair<std::string_view, Value>> window{{"attention_window", 16}};
  const Model model = remembering(kPlenty, window), plain = remembering(0, window);
  const auto common = ids(2000);
  const Generation first = model.generate(common, kShort);
  const auto longer = joined(joined(common, first.tokens), ids(6, 3));
  const Generation second = model.generate(longer, kShort);
  CHECK(second.timings.prompt_tokens < 20);
  CHECK(second.tokens == plain.generate(longer, kShort).tokens);
  // 1000 tokens back nothing is left.
  const auto branched = joined(ids(1000), ids(20, 7));
  const Generation third = model.generate(branched, kShort);
  CHECK(third.timings.prompt_tokens == 1020);
  CHECK(third.tokens == plain.generate(branched, kShort).tokens);
}

TEST_CASE("prefix cache: a session that goes on leaves the kept text as it was") {
  const Model model = remembering(kPlenty);
  Session session = model.new_session();
  const Generation first = session.generate(ids(80), kShort);
  session.generate(ids(30, 5), kShort);
  session.truncate(10);
  session.generate(ids(30, 17), kShort);
  const auto longer = joined(joined(ids(80), first.tokens), ids(4, 71));
  const Generation again = model.generate(longer, kShort);
  CHECK(again.timings.prompt_tokens < 10);
  CHECK(again.tokens == story_model().generate(longer, kShort).tokens);
}

TEST_CASE(
    "prefix cache: pages that an earlier text of the session touched count, in blocks of the kept one") {
  const Model block = remembering(kPlenty), used = remembering(kPlenty), two_blocks = remembering(kPlenty);
  block.generate(ids(244), kShort);
  Session session = used.new_session();
  session.forward(ids(480));
  session.reset();
  session.generate(ids(40), kShort);
  constexpr std::int64_t kTokenBytes = 244 * sizeof(TokenId);  // they count as well
  CHECK(used.info().prefix_cache_bytes >= block.info().prefix_cache_bytes - kTokenBytes);
  two_blocks.generate(ids(300), kShort);
  CHECK(used.info().prefix_cache_bytes < two_blocks.info().prefix_cache_bytes);
}

TEST_CASE("prefix cache: what texts share counts once") {
  const Model model = remembering(kPlenty);
  const auto common = ids(400);
  model.generate(joined(common, ids(5, 91)), kShort);
  const std::int64_t one = model.info().prefix_cache_bytes;
  std::vector<std::int64_t> more;
  for (TokenId step = 51; step < 59; step += 2) {
    const std::int64_t before = model.info().prefix_cache_bytes;
    CHECK(model.generate(joined(common, ids(5, step)), kShort).timings.prompt_tokens <= 5);
    more.push_back(model.info().prefix_cache_bytes - before);
  }
  // Of two blocks of 256 tokens the first is shared, and the second has an end of its own.
  for (const std::int64_t bytes : more) CHECK(bytes == more.front());
  CHECK(more.front() > 0);
  CHECK(2 * more.front() <= one + (one - more.front()) / 4);

  // In the bytes of one text and two ends all three are kept; a text of its own makes them go.
  const Model small = remembering(one + 2 * more.front());
  for (const TokenId step : {91, 51, 53}) small.generate(joined(common, ids(5, step)), kShort);
  CHECK(small.info().prefix_cache_bytes == one + 2 * more.front());
  for (const TokenId step : {91, 51, 53})
    CHECK(small.generate(joined(common, ids(5, step)), kShort).timings.prompt_tokens == 1);
  small.generate(ids(400, 61), kShort);
  CHECK(small.info().prefix_cache_bytes <= one + 2 * more.front());
  CHECK(small.generate(ids(400, 61), kShort).timings.prompt_tokens == 1);
}

TEST_CASE("prefix cache: the prompt is scored as a whole where that is asked for") {
  const Model model = remembering(kPlenty);
  GenerationConfig config = kShort;
  config.echo = true;
  config.logprobs = 1;
  for (int i = 0; i < 2; ++i) CHECK(model.generate(ids(50), config).prompt_logprobs.size() == 50);
}

TEST_CASE("prefix cache: many threads") {
  const Model model = remembering(1 << 20);
  std::vector<std::vector<TokenId>> expected;
  for (TokenId step = 0; step < 4; ++step)
    expected.push_back(story_model().generate(joined(ids(60), ids(10, 31 + step)), kShort).tokens);
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < 6; ++i) {
        const std::size_t which = (t + i) % 4;
        const auto prompt = joined(ids(60), ids(10, 31 + static_cast<TokenId>(which)));
        if (model.generate(prompt, kShort).tokens != expected[which]) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("prefix cache: of 4,096 common tokens none is read again, and the text stays the same", "[long]") {
  const std::initializer_list<std::pair<std::string_view, Value>> room{{"max_context", 8192}};
  const Model model = remembering(kPlenty, room), plain = remembering(0, room);
  const auto common = ids(4096);
  const auto first = joined(common, ids(40, 91));
  CHECK(model.generate(first, kShort).timings.prompt_tokens == 4136);
  for (const std::size_t own : {1, 30, 600}) {
    auto second = joined(common, ids(own, 53));
    second[common.size()] = static_cast<TokenId>(own);  // nothing more is common, to no earlier prompt
    REQUIRE(first[common.size()] != second[common.size()]);
    const Generation again = model.generate(second, kShort);
    CHECK(again.timings.prompt_tokens == static_cast<std::int64_t>(own));
    CHECK(again.tokens == plain.generate(second, kShort).tokens);
  }
}

TEST_CASE("prefix cache: random prompts of many sizes and threads never take more than its bytes", "[long]") {
  struct Case {
    std::vector<TokenId> prompt, expected;
  };
  // Beginnings of a few texts, in every size, some with an end of their own.
  std::mt19937 random(11);
  const GenerationConfig config{.max_new_tokens = 3, .ignore_eos = true};
  std::vector<Case> cases;
  for (int i = 0; i < 40; ++i) {
    auto prompt = ids(1 + random() % 480, static_cast<TokenId>(31 + 2 * (random() % 4)));
    if (random() % 2 == 0) prompt = joined(prompt, ids(1 + random() % 20, 3));
    cases.push_back({prompt, story_model().generate(prompt, config).tokens});
  }
  const Model measured = remembering(kPlenty);
  measured.generate(ids(480), config);
  const std::int64_t largest = measured.info().prefix_cache_bytes;
  std::vector<std::int64_t> read_with;
  for (const std::int64_t budget : {largest / 2, largest + largest / 3, 4 * largest}) {
    const Model model = remembering(budget);
    std::atomic<std::int64_t> read{0}, most{0};
    std::atomic<int> wrong{0};
    const auto ask = [&](std::uint32_t seed) {
      std::mt19937 own(seed);
      for (int i = 0; i < 40; ++i) {
        const Case& one = cases[own() % cases.size()];
        const Generation answer = model.generate(one.prompt, config);
        if (answer.tokens != one.expected) ++wrong;
        read += answer.timings.prompt_tokens;
        const std::int64_t bytes = model.info().prefix_cache_bytes;
        for (std::int64_t known = most; known < bytes && !most.compare_exchange_weak(known, bytes);) {
        }
      }
    };
    std::vector<std::thread> threads;
    for (std::uint32_t t = 0; t < 4; ++t) threads.emplace_back(ask, 100 + t);
    for (std::thread& thread : threads) thread.join();
    INFO("budget " << budget << ", read " << read);
    CHECK(wrong == 0);
    CHECK(most > 0);
    CHECK(most <= budget);
    read_with.push_back(read);
  }
  // What had to go was read again: the budgets really were too small, and one of them nearly large enough.
  CHECK(read_with[0] > read_with[1]);
  CHECK(read_with[1] > read_with[2]);
}

TEST_CASE("prefix cache: impossible sizes") {
  CHECK(contains(error_of<InvalidArgument>([] { remembering(-1); }), "prefix_cache_bytes"));
}
