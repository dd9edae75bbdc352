// SPDX-License-Identifier: Apache-2.0
// Windows, sinks and patterns that differ from layer to layer.
#include "model/family.h"
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
using List = Value::List;
using model::AttentionPattern;

namespace {

Config config_of(Value::Map settings, std::int64_t layers = 2) {
  auto config = AutoConfig::from_pretrained(testing::tinystories().string());
  config.update({{"num_hidden_layers", layers}});
  config.update(std::move(settings));
  return config;
}

std::vector<model::LayerSpec> layers_of(Value::Map settings, std::int64_t layers) {
  return model::read_spec(config_of(std::move(settings), layers)).layers;
}

Model patterned(Value::Map settings, const ModelOptions& options = {.threads = 2}) {
  return AutoModel::from_pretrained(testing::tinystories().string(), config_of(std::move(settings)), options);
}

std::string refusal(Value::Map settings) {
  return error_of<InvalidArgument>([&] { config_of(std::move(settings), 3); });
}

// Every two layers of these are unlike each other.
const std::vector<Value::Map> kMixed = {
    {{"attention_window", List{8, -1}}},
    {{"attention_window", List{-1, 5}}, {"attention_sinks", 3}},
    {{"attention_window", List{6, 9}}, {"attention_sinks", List{0, 3}}},
    {{"attention_window", 7}, {"attention_sinks", List{2, 4}}},
    {{"attention_window", List{8, 6}},
     {"attention_sinks", List{0, 3}},
     {"attention_pattern", List{"log_stride", "window"}}},
    {{"attention_window", List{-1, 8}}, {"attention_pattern", "log_stride"}},
    {{"attention_window", 5}, {"attention_pattern", List{"log_stride_exact", "log_stride"}}},
    {{"attention_window", 5}, {"attention_pattern", "log_stride_exact"}}};

}  // namespace

TEST_CASE("per layer: a list is cycled over the layers, one value serves all") {
  const auto layers = layers_of({{"attention_window", List{2048, -1, 64}},
                                 {"attention_sinks", List{4, 0}},
                                 {"attention_pattern", List{"window", "window", "window", "log_stride"}}},
                                5);
  const std::vector<std::int64_t> windows = {2048, 0, 64, 2048, 0}, sinks = {4, 0, 4, 0, 0};
  for (std::size_t i = 0; i < 5; ++i) {
    INFO("layer " << i);
    CHECK(layers[i].window == windows[i]);
    CHECK(layers[i].sinks == sinks[i]);
    CHECK(layers[i].pattern == (i == 3 ? AttentionPattern::log_stride : AttentionPattern::window));
  }
  // 0 leaves a layer as the model has it.
  const Config mistral = Config::from_json(
      R"({"model_type": "mistral", "num_hidden_layers": 3, "sliding_window": 32, "attention_window": [0, 7]})");
  const auto own = model::read_spec(mistral).layers;
  CHECK(own[0].window == 32);
  CHECK(own[1].window == 7);
  CHECK(own[2].window == 32);
  CHECK(mistral.attention_window() == 32);
  const auto whole = layers_of({{"attention_window", List{16, -1}}, {"attention_pattern", "log_stride"}}, 2);
  CHECK(whole[0].pattern == AttentionPattern::log_stride);
  CHECK(whole[1].pattern == AttentionPattern::window);
  CHECK(config_of({{"attention_window", List{16, -1}}}).attention_window() == 0);
  CHECK(config_of({{"attention_window", List{16, 40}}}).attention_window() == 40);
}

TEST_CASE("per layer: lists that fit no model name the key, the entry and what was found") {
  for (const char* key : {"attention_window", "attention_sinks", "attention_pattern"}) {
    const bool words = key == std::string("attention_pattern");
    const Value entry = words ? Value("window") : Value(8);
    INFO(key);
    CHECK(contains(refusal({{key, List{}}}), std::string(key) + ": expected a value or a list of them"));
    CHECK(contains(refusal({{key, List{entry, entry, entry, entry}}}),
                   std::string(key) + ": expected a value or a list of at most 3"));
    CHECK(contains(refusal({{key, List{entry, nullptr}}}), std::string(key) + "[1]: expected"));
    CHECK(contains(refusal({{key, List{List{entry}}}}), std::string(key) + "[0]: expected"));
    CHECK(contains(refusal({{key, Value::Map{}}}), std::string(key) + ": expected"));
  }
  CHECK(contains(refusal({{"attention_window", List{4, -2}}}),
                 "attention_window[1]: expected an integer from -1"));
  CHECK(contains(refusal({{"attention_window", List{4, 1.5}}}), "found 1.5"));
  CHECK(contains(refusal({{"attention_sinks", List{-1}}}), "attention_sinks[0]: expected an integer from 0"));
  CHECK(contains(refusal({{"attention_pattern", List{"window", "spiral"}}}),
                 "attention_pattern[1]: expected one of \"window\", \"log_stride\", \"log_stride_exact\", "
                 "found \"spiral\""));
  CHECK(contains(refusal({{"attention_window", List{8, -1, 8}}, {"attention_pattern", List{"log_stride"}}}),
                 "attention_pattern[0]: log_stride needs a window, layer 1"));
  CHECK(contains(
      refusal(
          {{"attention_window", 8}, {"attention_sinks", List{0, 2}}, {"attention_pattern", "log_stride"}}),
      "expected attention_sinks 0 in layer 1, found 2"));
  // A list can be no longer than the layers that a later update leaves.
  Config config = config_of({{"attention_window", List{4, 5, 6}}}, 3);
  CHECK_THROWS_AS(config.update({{"num_hidden_layers", 2}}), InvalidArgument);
}

TEST_CASE("per layer: two windows see as far as both together") {
  for (const auto& windows : {List{4, 8}, List{8, 4}, List{1, 11}}) {
    const Model model = patterned({{"attention_window", windows}});
    const auto ids = some_ids(24);
    const Logits base = model.new_session().forward(ids);
    for (std::size_t back = 1; back <= ids.size(); ++back) {
      auto changed = ids;
      changed[ids.size() - back] = 1000;
      const double difference = largest_difference(base, model.new_session().forward(changed));
      INFO(Value(windows).to_json() << ", token " << back << " from the end");
      CHECK((difference > 0) == (back <= 11));
    }
  }
}

TEST_CASE("per layer: the same value in a list changes nothing") {
  const auto ids = some_ids(60);
  const Value::Map one = {{"attention_window", 6}, {"attention_sinks", 2}};
  const Value::Map listed = {{"attention_window", List{6, 6}}, {"attention_sinks", List{2}}};
  CHECK(largest_difference(patterned(one).new_session().forward(ids),
                           patterned(listed).new_session().forward(ids)) == 0);
}

TEST_CASE("per layer: any chunks, one by one, batched: the same") {
  for (const Value::Map& settings : kMixed) {
    INFO(Value(settings).to_json());
    const Model model = patterned(settings);
    const auto ids = some_ids(150);
    const Logits whole = model.new_session({.prefill_chunk = 150}).forward(ids);
    for (const int chunk : {1, 7, 64}) {
      Session session = model.new_session({.prefill_chunk = chunk});
      CHECK(largest_difference(whole, session.forward(ids)) < 2e-4);
    }
    const std::vector<std::string> prompts = {"Once upon a time there was a little girl who", "The dog"};
    const GenerationConfig greedy{.max_new_tokens = 30};
    const auto together = model.generate_batch(prompts, greedy);
    for (std::size_t i = 0; i < prompts.size(); ++i)
      CHECK(together[i].tokens == model.generate(prompts[i], greedy).tokens);
  }
}

TEST_CASE("per layer: the cache of a layer is that of its window") {
  const auto bytes = [](const Value& window) {
    return patterned({{"attention_window", window}})
        .new_session({.max_context = 512, .prefill_chunk = 8})
        .kv_bytes();
  };
  CHECK(2 * bytes(List{16, -1}) == bytes(16) + bytes(-1));
  const auto sinks = [](const Value& value) {
    return patterned({{"attention_window", 16}, {"attention_sinks", value}})
        .new_session({.max_context = 512, .prefill_chunk = 8})
        .kv_bytes();
  };
  CHECK(2 * sinks(List{0, 40}) == sinks(0) + sinks(40));
}

TEST_CASE("per layer: one layer without a window bounds the context") {
  const Model mixed = patterned({{"attention_window", List{8, -1}}});
  const auto most = static_cast<std::size_t>(config_of({}).max_position_embeddings());
  CHECK(contains(error_of<InvalidArgument>([&] { mixed.new_session().forward(some_ids(most + 1)); }),
                 "holds " + std::to_string(most)));
  CHECK_NOTHROW(patterned({{"attention_window", List{8, 4}}}).new_session().forward(some_ids(most + 1)));
}

TEST_CASE("per layer: saved, restored, forked, cut back") {
  const testing::TemporaryDirectory directory;
  const auto file = directory.path() / "text.session";
  const auto ids = some_ids(150);
  for (const Value::Map& settings : kMixed) {
    INFO(Value(settings).to_json());
    const Model model = patterned(settings);
    Session session = model.new_session({.prefill_chunk = 16});
    session.forward(std::span(ids).first(120));
    session.save(file);
    Session fork = session.fork(), restored = Session::restore(model, file);
    const Logits expected = session.forward(std::span(ids).subspan(120));
    CHECK(largest_difference(expected, fork.forward(std::span(ids).subspan(120))) == 0);
    CHECK(largest_difference(expected, restored.forward(std::span(ids).subspan(120))) == 0);
    restored.truncate(149);
    CHECK(largest_difference(expected, restored.forward(std::span(ids).subspan(149))) < 2e-4);
    for (const Value::Map& other : kMixed) {
      if (other != settings) CHECK_THROWS_AS(Session::restore(patterned(other), file), InvalidArgument);
    }
  }
}

TEST_CASE("per layer: a prompt that begins like another takes over what each layer holds") {
  for (const Value::Map& settings : kMixed) {
    INFO(Value(settings).to_json());
    const auto shared = some_ids(60);
    const auto with_end = [&](TokenId last) {
      auto ids = shared;
      ids.insert(ids.end(), {last, static_cast<TokenId>(last + 1)});
      return ids;
    };
    const Model caching = patterned(settings, {.threads = 2, .prefix_cache_bytes = 1 << 24});
    const Model plain = patterned(settings);
    const GenerationConfig greedy{.max_new_tokens = 20, .ignore_eos = true};
    CHECK(caching.generate(with_end(100), greedy).timings.prompt_tokens == 62);
    const Generation again = caching.generate(with_end(200), greedy);
    CHECK(again.timings.prompt_tokens == 2);
    CHECK(again.tokens == plain.generate(with_end(200), greedy).tokens);
  }
}

TEST_CASE("log stride, exact: one layer sees the window and the tokens 2^k back") {
  for (const std::int64_t window : {1, 4, 6}) {
    const Model model = AutoModel::from_pretrained(
        testing::tinystories().string(),
        config_of({{"attention_window", window}, {"attention_pattern", "log_stride_exact"}}, 1),
        {.threads = 2});
    const std::size_t n = 70;
    const auto ids = some_ids(n);
    const Logits base = model.new_session().forward(ids);
    for (std::size_t age = 0; age < n; ++age) {
      auto changed = ids;
      changed[n - 1 - age] = 1000;
      const bool seen = static_cast<std::int64_t>(age) < window || (age & (age - 1)) == 0;
      INFO("window " << window << " age " << age);
      CHECK((largest_difference(base, model.new_session().forward(changed)) > 0) == seen);
    }
  }
}

TEST_CASE("log stride, exact: the cache and the context are those of full attention") {
  const auto session = [](const Value& window, const Value& pattern, std::int64_t context) {
    return patterned({{"attention_window", window}, {"attention_pattern", pattern}})
        .new_session({.max_context = context, .prefill_chunk = 8});
  };
  CHECK(session(16, "log_stride_exact", 1000).kv_bytes() == session(-1, "window", 1000).kv_bytes());
  const auto most = static_cast<std::size_t>(config_of({}).max_position_embeddings());
  Session bounded = session(8, "log_stride_exact", 0);
  CHECK(contains(error_of<InvalidArgument>([&] { bounded.forward(some_ids(most + 1)); }),
                 "holds " + std::to_string(most)));
  // Nothing was overwritten: any position can be gone back to.
  const auto ids = some_ids(200);
  const Logits expected = bounded.forward(ids);
  bounded.truncate(20);
  CHECK(largest_difference(expected, bounded.forward(std::span(ids).subspan(20))) < 2e-4);
}

TEST_CASE("log stride, exact: beams copy caches, and agree with forward") {
  const Model model = patterned({{"attention_window", 6}, {"attention_pattern", "log_stride_exact"}});
  const std::string prompt = "Once upon a time there was a little girl who";
  const auto beams =
      model.generate_all(prompt, {.max_new_tokens = 40, .num_beams = 3, .num_return_sequences = 3});
  REQUIRE(beams.size() == 3);
  const std::vector<std::vector<TokenId>> texts = {beams[0].tokens};
  const double logprob = model.score(model.tokenizer().encode(prompt), texts).front().logprob;
  CHECK(beams[0].score * static_cast<double>(beams[0].tokens.size()) == Approx(logprob).margin(0.02));
}

TEST_CASE("log stride, exact: needs a window, and takes no sinks") {
  CHECK(contains(refusal({{"attention_pattern", "log_stride_exact"}}),
                 "attention_pattern: log_stride_exact needs a window"));
  CHECK(contains(
      refusal({{"attention_pattern", "log_stride_exact"}, {"attention_window", 8}, {"attention_sinks", 1}}),
      "expected attention_sinks 0"));
}

TEST_CASE("per layer: the log counts the layers that see less than they were trained to") {
  std::string log;
  set_log_sink([&](LogLevel level, std::string_view line) {
    if (level == LogLevel::warning) log += std::string(line) + "\n";
  });
  patterned({{"attention_window", List{16, -1}}});
  CHECK(contains(log, "1 of 2 layers"));
  set_log_sink(nullptr);
}
