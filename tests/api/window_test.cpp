// SPDX-License-Identifier: Apache-2.0
// Windowed attention: what is visible, sinks, and constant memory.
#include <cmath>

#include "tests/support/catch.h"
#include "tests/support/paths.h"
#include "tests/support/throws.h"
#include "transom/transom.h"

using namespace transom;
using transom::testing::contains;
using transom::testing::error_of;

namespace {

Model windowed(std::int64_t window, std::int64_t sinks = 0, std::int64_t layers = 2) {
  auto config = AutoConfig::from_pretrained(testing::tinystories().string());
  config.update({{"attention_window", window}, {"attention_sinks", sinks}, {"num_hidden_layers", layers}});
  return AutoModel::from_pretrained(testing::tinystories().string(), config, {.threads = 2});
}

std::vector<TokenId> some_ids(std::size_t n, TokenId step = 37) {
  std::vector<TokenId> ids;
  for (std::size_t i = 0; i < n; ++i)
    ids.push_back(static_cast<TokenId>((i * static_cast<std::size_t>(step) + 11) % 2048));
  return ids;
}

double largest_difference(const Logits& a, const Logits& b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    worst = std::max(worst, std::fabs(static_cast<double>(a.values[i]) - static_cast<double>(b.values[i])));
  }
  return worst;
}

}  // namespace

TEST_CASE("window: one layer sees the window, its own position included, and no more") {
  const Model model = windowed(4, 0, 1);
  const auto ids = some_ids(20);
  const Logits base = model.new_session().forward(ids);
  for (std::size_t back = 1; back < 20; ++back) {
    auto changed = ids;
    changed[ids.size() - back] = 1000;
    const double difference = largest_difference(base, model.new_session().forward(changed));
    INFO("token " << back << " from the end");
    if (back <= 4) {
      CHECK(difference > 1e-3);
    } else {
      CHECK(difference == 0);
    }
  }
}

TEST_CASE("window: as wide as the text, it changes nothing") {
  const auto ids = some_ids(30);
  const Logits full = windowed(-1).new_session().forward(ids);
  CHECK(largest_difference(full, windowed(30).new_session().forward(ids)) < 1e-4);
  CHECK(largest_difference(full, windowed(29).new_session().forward(ids)) > 1e-4);
}

TEST_CASE("window: decoding equals reading at once, across many turns of the ring") {
  for (const std::int64_t sinks : {0, 3}) {
    const Model model = windowed(8, sinks);
    const auto ids = some_ids(100);
    Session at_once = model.new_session({.prefill_chunk = 100}),
            step = model.new_session({.prefill_chunk = 5});
    const Logits rows = at_once.forward(ids, LogitsFor::all);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const Logits one = step.forward(std::span(ids).subspan(i, 1));
      const auto row = rows.row(static_cast<std::int64_t>(i));
      for (std::size_t j = 0; j < row.size(); ++j) REQUIRE(one.values[j] == Approx(row[j]).margin(2e-4));
    }
  }
}

TEST_CASE("sinks: the first tokens stay visible") {
  const Model model = windowed(4, 2, 1);
  const auto ids = some_ids(20);
  const Logits base = model.new_session().forward(ids);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    auto changed = ids;
    changed[i] = 1000;
    const double difference = largest_difference(base, model.new_session().forward(changed));
    INFO("token " << i);
    CHECK((difference > 0) == (i < 2 || i >= 16));
  }
}

TEST_CASE("sinks: a session that holds the whole text shows them too") {
  const auto ids = some_ids(30);
  for (const std::int64_t sinks : {2, 20, 40, 1000}) {
    const Model model = windowed(4, sinks, 1);
    const Logits unbounded = model.new_session().forward(ids);
    for (const std::int64_t context : {30, 31, 36, 64}) {
      INFO(sinks << " sinks, context " << context);
      CHECK(largest_difference(unbounded, model.new_session({.max_context = context}).forward(ids)) < 2e-4);
    }
  }
}

TEST_CASE("sinks: positions are those inside the cache (StreamingLLM)") {
  // One layer: the last query sees sinks and window exactly as in a text from which the middle was cut out.
  const Model model = windowed(6, 3, 1);
  const auto ids = some_ids(200);
  std::vector<TokenId> cut(ids.begin(), ids.begin() + 3);
  cut.insert(cut.end(), ids.end() - 6, ids.end());
  const Logits streamed = model.new_session().forward(ids), short_text = model.new_session().forward(cut);
  CHECK(largest_difference(streamed, short_text) < 2e-4);
}

TEST_CASE("window: 100,000 tokens through a window of 256, in constant memory", "[long]") {
  Session session = windowed(256).new_session();
  const std::int64_t bytes = session.kv_bytes();
  GenerationConfig config;
  config.ignore_eos = true;
  config.max_new_tokens = 100;
  const auto ids = some_ids(4990);
  std::int64_t peak = 0;
  for (int i = 0; i < 20; ++i) {
    session.forward(ids);
    const Generation part =
        session.generate(std::span<const TokenId>(), {.max_new_tokens = 10, .ignore_eos = true});
    CHECK(part.tokens.size() == 10);
    if (i == 1) peak = part.timings.peak_bytes;
    if (i > 1) CHECK(part.timings.peak_bytes <= peak + (std::int64_t{2} << 20));
  }
  CHECK(session.position() == 100000);
  CHECK(session.kv_bytes() == bytes);
  CHECK(bytes < std::int64_t{4} << 20);
}

TEST_CASE("window: truncate refuses what the ring has overwritten") {
  Session session = windowed(8).new_session({.prefill_chunk = 4});
  session.forward(some_ids(50));
  CHECK_NOTHROW(session.truncate(48));
  CHECK(contains(error_of<InvalidArgument>([&] { session.truncate(20); }), "overwritten"));
  // Step by step leads no further back than at once: what is overwritten stays overwritten.
  std::int64_t position = session.position();
  CHECK_THROWS_AS(
      [&] {
        while (position > 20) session.truncate(--position);
      }(),
      InvalidArgument);
  CHECK(position >= 50 - 11);
  session.forward(some_ids(1));
  CHECK_THROWS_AS(session.truncate(position - 1), InvalidArgument);
  CHECK_NOTHROW(session.truncate(0));
}
