// SPDX-License-Identifier: Apache-2.0
// Windowed attention: what is visible, sinks, and constant memory.
#include "tests/support/catch.h"
#include "tests/support/logits.h"
#include "tests/support/paths.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/throws.h"
#include "transom/transom.h"

using namespace transom;
using transom::testing::contains;
using transom::testing::error_of;
using transom::testing::largest_difference;
using transom::testing::some_ids;

namespace {

Model windowed(std::int64_t window, std::int64_t sinks = 0, std::int64_t layers = 2) {
  auto config = AutoConfig::from_pretrained(testing::tinystories().string());
  config.update({{"attention_window", window}, {"attention_sinks", sinks}, {"num_hidden_layers", layers}});
  return AutoModel::from_pretrained(testing::tinystories().string(), config, {.threads = 2});
}

Model log_strided(std::int64_t window, std::int64_t layers = 2, std::string_view kv_dtype = "auto") {
  auto config = AutoConfig::from_pretrained(testing::tinystories().string());
  config.update({{"attention_window", window},
                 {"attention_pattern", "log_stride"},
                 {"num_hidden_layers", layers},
                 {"kv_cache_dtype", std::string(kv_dtype)}});
  return AutoModel::from_pretrained(testing::tinystories().string(), config, {.threads = 2});
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

TEST_CASE("log stride: one layer sees the window, then every second, every fourth position of each octave") {
  const Model model = log_strided(4, 1);
  const std::size_t n = 60, last = n - 1;
  const auto ids = some_ids(n);
  const Logits base = model.new_session().forward(ids);
  for (std::size_t position = 0; position < n; ++position) {
    std::size_t stride = 1;
    for (std::size_t octave = 4; last - position >= octave; octave *= 2) stride *= 2;
    auto changed = ids;
    changed[position] = 1000;
    const double difference = largest_difference(base, model.new_session().forward(changed));
    INFO("position " << position << " stride " << stride);
    if (position % stride == 0) {
      CHECK(difference > 1e-4);
    } else {
      CHECK(difference == 0);
    }
  }
}

TEST_CASE("log stride: any chunks, one by one, and after cutting back: the same") {
  for (const char* kv_dtype : {"f32", "bf16", "int8"}) {
    const Model model = log_strided(8, 2, kv_dtype);
    const auto ids = some_ids(300);
    const double allowed = kv_dtype == std::string("int8") ? 0.05 : 5e-3;
    // Longer chunks may be multiplied in bf16, see kernels/README.md.
    const Logits whole = model.new_session({.prefill_chunk = 127}).forward(ids);
    for (const int chunk : {1, 7, 64}) {
      Session session = model.new_session({.prefill_chunk = chunk});
      INFO(kv_dtype << " chunk " << chunk);
      CHECK(largest_difference(whole, session.forward(ids)) < allowed);
      session.truncate(static_cast<std::int64_t>(ids.size()) - 1);
      CHECK(largest_difference(whole, session.forward(std::span(ids).last(1))) < allowed);
    }
  }
}

TEST_CASE("log stride: sees more than its window, and all of a text no longer than that") {
  const auto ids = some_ids(200);
  const Logits narrow = windowed(8).new_session().forward(ids);
  CHECK(largest_difference(narrow, log_strided(8).new_session().forward(ids)) > 1e-3);
  const auto few = std::span(ids).first(8);
  CHECK(largest_difference(windowed(-1).new_session().forward(few),
                           log_strided(8).new_session().forward(few)) < 1e-4);
}

TEST_CASE("log stride: a fork and a restored session go on as the text would have") {
  const testing::TemporaryDirectory directory;
  const Model model = log_strided(8);
  const auto ids = some_ids(250);
  Session session = model.new_session({.prefill_chunk = 16});
  session.forward(std::span(ids).first(190));
  session.save(directory.path() / "text.session");
  Session fork = session.fork(), restored = Session::restore(model, directory.path() / "text.session");
  const Logits expected = session.forward(std::span(ids).subspan(190));
  CHECK(largest_difference(expected, fork.forward(std::span(ids).subspan(190))) == 0);
  CHECK(largest_difference(expected, restored.forward(std::span(ids).subspan(190))) == 0);
  CHECK(contains(
      error_of<InvalidArgument>([&] { Session::restore(windowed(8), directory.path() / "text.session"); }),
      "attention_pattern"));
}

TEST_CASE("log stride: beams copy caches, and agree with forward") {
  const Model model = log_strided(8);
  const auto beams = model.generate_all("Once upon a time there was a little girl who",
                                        {.max_new_tokens = 40, .num_beams = 3, .num_return_sequences = 3});
  REQUIRE(beams.size() == 3);
  const auto prompt = model.tokenizer().encode("Once upon a time there was a little girl who");
  const std::vector<std::vector<TokenId>> texts = {beams[0].tokens};
  const double logprob = model.score(prompt, texts).front().logprob;
  CHECK(beams[0].score * static_cast<double>(beams[0].tokens.size()) == Approx(logprob).margin(0.02));
}

TEST_CASE("log stride: the cache grows with the logarithm of the context") {
  const auto bytes = [](std::int64_t context) {
    return log_strided(16).new_session({.max_context = context, .prefill_chunk = 16}).kv_bytes();
  };
  const std::int64_t level = bytes(2048) - bytes(1024);
  CHECK(level > 0);
  CHECK(bytes(4096) - bytes(2048) == level);
  CHECK(bytes(1 << 20) == bytes(1024) + 10 * level);
}

TEST_CASE("log stride: needs a window, and takes no sinks") {
  const auto load = [](std::initializer_list<std::pair<std::string_view, Value>> settings) {
    auto config = AutoConfig::from_pretrained(testing::tinystories().string());
    config.update(settings);
    AutoModel::from_pretrained(testing::tinystories().string(), config, {.threads = 1});
  };
  CHECK(contains(error_of<Error>([&] { load({{"attention_pattern", "log_stride"}}); }), "attention_window"));
  CHECK(
      contains(error_of<Error>([&] {
                 load({{"attention_pattern", "log_stride"}, {"attention_window", 8}, {"attention_sinks", 4}});
               }),
               "attention_sinks"));
  CHECK(contains(error_of<Error>([&] { load({{"attention_pattern", "spiral"}}); }), "log_stride"));
}

TEST_CASE("window: the log says when a model sees less than it was trained to") {
  std::string log;
  set_log_sink([&](LogLevel level, std::string_view line) {
    if (level == LogLevel::warning) log += std::string(line) + "\n";
  });
  windowed(-1, 0, 2);
  CHECK(log.empty());
  windowed(16, 0, 2);
  CHECK(contains(log, "2 of 2 layers"));
  set_log_sink(nullptr);
}
