// SPDX-License-Identifier: Apache-2.0
// Models whose first layers are the CPU's and whose last ones are the GPU's, through the public API: what the
// CPU gives alone. Runs on the emulated GPU and on a real one, as generation_test.cpp does.
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "tests/cuda_on_host/backend/story_model.h"
#include "tests/support/catch.h"
#include "tests/support/logits.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/throws.h"

using namespace transom;
using testing::kPrompt;
using testing::Settings;
using testing::story_model;
using transom::testing::contains;
using transom::testing::error_of;
using transom::testing::largest_difference;
using transom::testing::some_ids;

namespace {

constexpr std::int64_t kStoryLayers = 2, kGoldenLayers = 3;

/// A model of three layers, without a tokenizer.
Model golden_model(const std::string& name, const std::string& device, Settings settings = {}) {
  const std::string directory = (testing::source_directory() / "tests" / "golden" / name).string();
  Config config = AutoConfig::from_pretrained(directory);
  config.update(settings);
  return AutoModel::from_pretrained(directory, config,
                                    {.device = device, .threads = 1, .pin_threads = false});
}

const std::vector<std::vector<TokenId>> kPrompts = {{3, 1, 4, 1, 5, 9}, {2, 7}, {1, 8, 2, 8, 1, 8, 2, 8, 4}};

/// The largest difference between logits of the CPU and of a model with some layers on the GPU, for a prompt
/// and a token after it.
double difference(Settings settings, std::int64_t gpu_layers, std::size_t tokens) {
  const auto ids = some_ids(tokens);
  Session cpu = story_model("cpu", settings).new_session();
  Session split = story_model("cuda", settings, gpu_layers).new_session();
  const double all = largest_difference(cpu.forward(ids, LogitsFor::all), split.forward(ids, LogitsFor::all));
  return std::max(all, largest_difference(cpu.forward(some_ids(1)), split.forward(some_ids(1))));
}

}  // namespace

TEST_CASE("gpu_layers: the bundled model's greedy text is the CPU's, with graphs and without") {
  const GenerationConfig config{.max_new_tokens = 24};
  const std::string expected = story_model("cpu").generate(kPrompt, config).text;
  for (std::int64_t layers = 0; layers <= kStoryLayers; ++layers) {
    for (const bool graphs : {true, false}) {
      INFO(layers << " layers, graphs " << graphs);
      const Model model = story_model("cuda", {{"cuda_graphs", graphs}}, layers);
      CHECK(model.info().device == "cuda:0");
      CHECK(model.info().gpu_layers == layers);
      CHECK(model.generate(kPrompt, config).text == expected);
    }
  }
}

TEST_CASE("gpu_layers: greedy tokens of three layers are the CPU's, alone and in a batch") {
  for (const char* name : {"llama-mha", "qwen2-gqa7-tied", "mistral-window"}) {
    INFO(name);
    const GenerationConfig config{.max_new_tokens = 10, .ignore_eos = true};
    const Model cpu = golden_model(name, "cpu");
    for (std::int64_t layers = 0; layers <= kGoldenLayers; ++layers) {
      for (const bool graphs : {true, false}) {
        INFO(layers << " layers, graphs " << graphs);
        const Model split = golden_model(name, "cuda", {{"gpu_layers", layers}, {"cuda_graphs", graphs}});
        const auto batch = split.generate_batch(kPrompts, config);
        for (std::size_t i = 0; i < kPrompts.size(); ++i) {
          const std::vector<TokenId> expected = cpu.generate(kPrompts[i], config).tokens;
          CHECK(split.generate(kPrompts[i], config).tokens == expected);
          CHECK(batch[i].tokens == expected);
        }
      }
    }
  }
}

TEST_CASE("gpu_layers: more than there are, and none said, are all; the options win over the configuration") {
  CHECK(golden_model("llama-mha", "cuda", {{"gpu_layers", 99}}).info().gpu_layers == kGoldenLayers);
  CHECK(golden_model("llama-mha", "cuda").info().gpu_layers == kGoldenLayers);
  CHECK(story_model("cuda", {{"gpu_layers", 1}}).info().gpu_layers == 1);
  CHECK(story_model("cuda", {{"gpu_layers", 1}}, 0).info().gpu_layers == 0);
  const ModelInfo info = story_model("cuda", {}, 1).info();
  CHECK(info.threads == 1);
  CHECK(contains(info.isa, "sm_"));
  CHECK(contains(info.isa, ", "));
  CHECK(contains(info.kernels.front(), "cpu qkv"));
  CHECK(contains(info.kernels.back(), "cuda:0 head"));
}

TEST_CASE("gpu_layers: numbers that are none") {
  CHECK(contains(error_of<InvalidArgument>([] { story_model("cuda", {}, -2); }), "gpu_layers"));
  CHECK_THROWS_AS(story_model("cuda", {{"gpu_layers", -2}}), InvalidArgument);
  CHECK(contains(error_of<InvalidArgument>([] { story_model("cpu", {}, 1); }), "\"cuda\""));
  CHECK(story_model("cpu", {}, 0).info().gpu_layers == 0);
}

TEST_CASE("gpu_layers: the device chooses the tokens that the host would choose from its logits") {
  const LogitsProcessor look = [](std::span<const TokenId>, std::span<float>) {};
  for (const std::int64_t layers : {0, 1}) {
    const Model model = story_model("cuda", {}, layers);
    GenerationConfig config{.max_new_tokens = 12, .do_sample = true, .top_p = 0.9f, .seed = 5};
    const std::vector<TokenId> chosen = model.generate(kPrompt, config).tokens;
    CHECK(story_model("cuda", {{"cuda_graphs", false}}, layers).generate(kPrompt, config).tokens == chosen);
    config.processors = {look};
    CHECK(model.generate(kPrompt, config).tokens == chosen);
  }
}

TEST_CASE("gpu_layers: logits of windows, sinks, log strides, caches and quantised weights") {
  for (const std::int64_t layers : {0, 1}) {
    INFO(layers << " layers");
    CHECK(difference({{"attention_window", 12}, {"attention_sinks", 3}}, layers, 70) < 0.1);
    CHECK(difference({{"attention_window", 8}, {"attention_pattern", "log_stride"}}, layers, 70) < 0.1);
    CHECK(difference({{"kv_cache_dtype", "int8"}}, layers, 9) < 0.1);
    CHECK(difference({{"dtype", "bf16"}}, layers, 9) < 0.2);
    CHECK(difference({{"quantization", "int8"}, {"activation_dtype", "f32"}}, layers, 5) < 0.1);
    CHECK(difference({{"quantization", "int4"}, {"activation_dtype", "f32"}}, layers, 5) < 0.1);
  }
  const Settings gptq = {
      {"quantization", "int4"}, {"quantization_method", "gptq"}, {"activation_dtype", "f32"}};
  CHECK(difference(gptq, 1, 5) < 0.1);
}

TEST_CASE("gpu_layers: sessions fork, are cut back, and go to a file and back") {
  const Model model = story_model("cuda", {{"kv_cache_dtype", "int8"}}, 1);
  Session session = model.new_session();
  session.forward(some_ids(300));  // into the second block of slots
  Session fork = session.fork();
  const Logits next = session.forward(some_ids(1));
  CHECK(largest_difference(fork.forward(some_ids(1)), next) == 0);
  session.truncate(300);
  const testing::TemporaryDirectory folder;
  session.save(folder.path() / "text.session");
  Session restored = Session::restore(model, folder.path() / "text.session");
  CHECK(largest_difference(restored.forward(some_ids(1)), next) == 0);
  // With more layers on the GPU, and with none.
  for (const char* device : {"cuda", "cpu"}) {
    Session elsewhere =
        Session::restore(story_model(device, {{"kv_cache_dtype", "int8"}}), folder.path() / "text.session");
    CHECK(elsewhere.position() == 300);
    CHECK(largest_difference(elsewhere.forward(some_ids(1)), next) < 0.1);
  }
}

TEST_CASE("gpu_layers: beams, guesses, embeddings and beginnings that were read before") {
  const Model cpu = story_model("cpu"), split = story_model("cuda", {}, 1);
  const GenerationConfig beams{.max_new_tokens = 6, .num_beams = 3};
  CHECK(split.generate("Tom", beams).text == cpu.generate("Tom", beams).text);
  const GenerationConfig plain{.max_new_tokens = 16};
  const std::string text = cpu.generate(kPrompt, plain).text;
  GenerationConfig guessed = plain;
  guessed.prompt_lookup_num_tokens = 4;
  CHECK(split.generate(kPrompt, guessed).text == text);
  guessed.prompt_lookup_num_tokens = {};
  guessed.assistant_model = std::make_shared<const Model>(split);
  CHECK(split.generate(kPrompt, guessed).text == text);
  CHECK(cpu.generate(kPrompt, guessed).text == text);

  const std::vector<float> expected = cpu.new_session().embed("Tom has a red ball.");
  const std::vector<float> found = split.new_session().embed("Tom has a red ball.");
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i] == Approx(expected[i]).margin(0.05));

  const std::string beginning =
      "Once upon a time there was a little girl who had a red ball and a big dog, and ";
  const Model keeping = AutoModel::from_pretrained(
      testing::tinystories().string(),
      {.device = "cuda", .gpu_layers = 1, .threads = 1, .pin_threads = false, .prefix_cache_bytes = 1 << 24});
  keeping.generate(beginning + "one day", plain);
  CHECK(keeping.info().prefix_cache_bytes > 0);
  CHECK(keeping.generate(beginning + "her name", plain).text ==
        cpu.generate(beginning + "her name", plain).text);
}

TEST_CASE("gpu_layers: a prompt of many chunks") {
  for (const std::int64_t layers : {0, 1}) {
    Session cpu = story_model("cpu").new_session({.prefill_chunk = 16});
    Session split = story_model("cuda", {}, layers).new_session({.prefill_chunk = 16});
    CHECK(largest_difference(cpu.forward(some_ids(75)), split.forward(some_ids(75))) < 0.1);
  }
}
