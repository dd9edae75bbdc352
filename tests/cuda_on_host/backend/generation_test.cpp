// SPDX-License-Identifier: Apache-2.0
// Models on device "cuda", through the public API: what the CPU gives, by the library that the API opens.
// Here that is the emulated one, which TRANSOM_CUDA_LIBRARY names; on a machine with a GPU the same program
// runs with the real one.
#include <malloc.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "backend/cuda_library.h"
#include "tests/cuda_on_host/backend/story_model.h"
#include "tests/support/catch.h"
#include "tests/support/logits.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/throws.h"
#include "transom/transom.h"

using namespace transom;
using testing::kPrompt;
using testing::Settings;
using testing::story_model;
using transom::testing::contains;
using transom::testing::error_of;
using transom::testing::largest_difference;
using transom::testing::some_ids;

namespace {

/// The largest difference of logits between the devices after some tokens, and after one more.
double device_difference(Settings settings, std::size_t tokens) {
  const auto ids = some_ids(tokens);
  Session cpu = story_model("cpu", settings).new_session(),
          cuda = story_model("cuda", settings).new_session();
  const double all = largest_difference(cpu.forward(ids, LogitsFor::all), cuda.forward(ids, LogitsFor::all));
  return std::max(all, largest_difference(cpu.forward(some_ids(1)), cuda.forward(some_ids(1))));
}

/// Memory of this process (VmRSS), without what the allocator could give back.
std::int64_t resident_bytes() {
  ::malloc_trim(0);
  std::ifstream statm("/proc/self/statm");
  std::int64_t pages = 0;
  statm >> pages >> pages;
  return pages * ::sysconf(_SC_PAGESIZE);
}

}  // namespace

TEST_CASE("cuda: the bundled model's greedy text is the CPU's, with graphs and without") {
  const GenerationConfig config{.max_new_tokens = 24};
  const Generation expected = story_model("cpu").generate(kPrompt, config);
  const Model model = story_model("cuda");
  CHECK(model.info().device == "cuda:0");
  std::string streamed;
  const Generation found = model.generate(kPrompt, config, [&](std::string_view piece) {
    streamed += piece;
    return true;
  });
  CHECK(found.text == expected.text);
  CHECK(streamed == expected.text);
  CHECK(story_model("cuda", {{"cuda_graphs", false}}).generate(kPrompt, config).text == expected.text);
}

TEST_CASE("cuda: samples with a seed are the same with graphs and without") {
  const GenerationConfig config{.max_new_tokens = 12, .do_sample = true, .seed = 5};
  CHECK(story_model("cuda").generate(kPrompt, config).tokens ==
        story_model("cuda", {{"cuda_graphs", false}}).generate(kPrompt, config).tokens);
}

TEST_CASE("cuda: the device chooses the tokens that the host would choose from its logits") {
  // A processor, even one that changes nothing, wants to see all logits: then the host chooses.
  const LogitsProcessor look = [](std::span<const TokenId>, std::span<float>) {};
  const Model model = story_model("cuda"), launched = story_model("cuda", {{"cuda_graphs", false}});
  const std::vector<GenerationConfig> configs = {
      {.max_new_tokens = 16},
      {.max_new_tokens = 16, .min_new_tokens = 5, .do_sample = true, .seed = 1},
      {.max_new_tokens = 16, .do_sample = true, .temperature = 1.6f, .top_k = 0, .seed = 2},
      {.max_new_tokens = 16, .do_sample = true, .top_k = 0, .top_p = 0.9f, .seed = 3},
      {.max_new_tokens = 16, .do_sample = true, .temperature = 2.0f, .top_k = 0, .min_p = 0.02f, .seed = 4},
      {.max_new_tokens = 16, .do_sample = true, .top_k = 30, .top_p = 0.8f, .min_p = 0.01f, .seed = 5},
  };
  for (const GenerationConfig& config : configs) {
    GenerationConfig on_host = config;
    on_host.processors = {look};
    INFO("seed " << config.seed.value_or(0));
    const std::vector<TokenId> expected = model.generate(kPrompt, on_host).tokens;
    CHECK(model.generate(kPrompt, config).tokens == expected);
    CHECK(launched.generate(kPrompt, config).tokens == expected);
  }
}

TEST_CASE("cuda: the device chooses for many texts at once") {
  const LogitsProcessor look = [](std::span<const TokenId>, std::span<float>) {};
  const Model model = story_model("cuda");
  const std::vector<std::string> prompts = {"Tom", "The sun was", "Lily and Ben like to play in the garden."};
  GenerationConfig config{.max_new_tokens = 8, .do_sample = true, .top_p = 0.9f, .seed = 11};
  const auto batch = model.generate_batch(prompts, config);
  config.num_return_sequences = 3;
  const auto samples = model.generate_all("Tom", config);
  config.processors = {look};
  const auto samples_of_host = model.generate_all("Tom", config);
  config.num_return_sequences = {};
  const auto batch_of_host = model.generate_batch(prompts, config);
  REQUIRE(batch.size() == 3);
  REQUIRE(samples.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(batch[i].tokens == batch_of_host[i].tokens);
    CHECK(samples[i].tokens == samples_of_host[i].tokens);
  }
  CHECK(samples[0].tokens != samples[1].tokens);
}

TEST_CASE("cuda: samples with a seed are the CPU's where logits hardly differ") {
  // Sharp enough that what bf16 loses in attention moves no draw across a border.
  const GenerationConfig config{
      .max_new_tokens = 16, .do_sample = true, .temperature = 0.6f, .top_k = 40, .top_p = 0.95f, .seed = 6};
  CHECK(story_model("cuda").generate(kPrompt, config).text ==
        story_model("cpu").generate(kPrompt, config).text);
}

TEST_CASE("cuda: logits are the CPU's within what bf16 loses in attention") {
  // Queries and weights of attention are rounded to bf16, which moves logits of about 10 by hundredths.
  CHECK(device_difference({}, 9) < 0.1);
  CHECK(device_difference({{"kv_cache_dtype", "bf16"}}, 9) < 0.1);
  CHECK(device_difference({{"kv_cache_dtype", "int8"}}, 9) < 0.1);
  // Numbers that the devices compute a little apart may fall on e4m3 numbers a sixteenth apart.
  CHECK(device_difference({{"kv_cache_dtype", "fp8"}}, 9) < 0.6);
  CHECK(device_difference({{"dtype", "bf16"}}, 9) < 0.2);
}

TEST_CASE("cuda: quantised weights") {
  for (const char* format : {"int8", "int4", "int3", "int2"}) {
    INFO(format);
    CHECK(device_difference({{"quantization", format}, {"activation_dtype", "f32"}}, 5) < 0.1);
  }
}

TEST_CASE("cuda: weights that GPTQ calibrates while loading") {
  const Settings settings = {{"quantization", "int4"},
                             {"quantization_method", "gptq"},
                             {"activation_dtype", "f32"},
                             {"num_hidden_layers", 1}};
  CHECK(device_difference(settings, 5) < 0.1);
}

TEST_CASE("cuda: windows, sinks and log strides, beyond the turn of the ring") {
  CHECK(device_difference({{"attention_window", 12}}, 70) < 0.1);
  CHECK(device_difference({{"attention_window", 12}, {"attention_sinks", 3}}, 70) < 0.1);
  CHECK(device_difference({{"attention_window", 8}, {"attention_pattern", "log_stride"}}, 70) < 0.1);
  CHECK(device_difference({{"attention_window", 8}, {"attention_pattern", "log_stride_exact"}}, 70) < 0.1);
}

TEST_CASE("cuda: many prompts at once, and beams") {
  const Model cpu = story_model("cpu"), cuda = story_model("cuda");
  const std::vector<std::string> prompts = {"Tom", "The sun was", "Lily and Ben like to play in the garden."};
  const auto expected = cpu.generate_batch(prompts, {.max_new_tokens = 8});
  const auto found = cuda.generate_batch(prompts, {.max_new_tokens = 8});
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i].text == expected[i].text);
  const GenerationConfig beams{.max_new_tokens = 6, .num_beams = 3};
  CHECK(cuda.generate("Tom", beams).text == cpu.generate("Tom", beams).text);
}

TEST_CASE("cuda: sessions fork, are cut back, and go to a file and back") {
  for (const char* dtype : {"int8", "fp8"}) {
    INFO(dtype);
    const Model model = story_model("cuda", {{"kv_cache_dtype", dtype}});
    Session session = model.new_session();
    session.forward(some_ids(20));
    Session fork = session.fork();
    const Logits next = session.forward(some_ids(1));
    CHECK(largest_difference(fork.forward(some_ids(1)), next) == 0);
    session.truncate(20);
    CHECK(largest_difference(session.forward(some_ids(1)), next) == 0);
    const testing::TemporaryDirectory folder;
    session.truncate(20);
    session.save(folder.path() / "text.session");
    Session restored = Session::restore(model, folder.path() / "text.session");
    CHECK(restored.position() == 20);
    CHECK(largest_difference(restored.forward(some_ids(1)), next) == 0);
  }
}

TEST_CASE("cuda: a session of the CPU goes on, with caches of all types") {
  // Both devices attend to the same keys and values, but for those of the last token.
  for (const char* dtype : {"f32", "bf16", "int8", "fp8"}) {
    INFO(dtype);
    const testing::TemporaryDirectory folder;
    Session cpu = story_model("cpu", {{"kv_cache_dtype", dtype}}).new_session();
    cpu.forward(some_ids(40));
    cpu.save(folder.path() / "text.session");
    Session cuda =
        Session::restore(story_model("cuda", {{"kv_cache_dtype", dtype}}), folder.path() / "text.session");
    CHECK(largest_difference(cpu.forward(some_ids(1)), cuda.forward(some_ids(1))) < 0.1);
  }
}

TEST_CASE("cuda: a text that is stopped midway leaves the model usable") {
  const Model model = story_model("cuda");
  const std::string text = model.generate(kPrompt, {.max_new_tokens = 6}).text;
  int pieces = 0;
  const Generation stopped =
      model.generate(kPrompt, {.max_new_tokens = 20}, [&](std::string_view) { return ++pieces < 3; });
  CHECK(stopped.finish_reason == FinishReason::cancelled);
  struct Thrown {};
  CHECK_THROWS_AS(
      model.generate(kPrompt, {.max_new_tokens = 20}, [](std::string_view) -> bool { throw Thrown(); }),
      Thrown);
  CHECK(model.generate(kPrompt, {.max_new_tokens = 6}).text == text);
}

TEST_CASE("cuda: sessions that come and go in threads leave the texts of others as they are") {
  const Model model = story_model("cuda");
  const GenerationConfig config{.max_new_tokens = 12};
  const std::string expected = model.generate(kPrompt, config).text;
  const Logits next = model.new_session().forward(some_ids(5));
  std::atomic<bool> generating = true;
  std::atomic<int> wrong = 0;
  std::thread passing([&] {
    while (generating) {
      Session session = model.new_session({.max_context = 600});
      wrong += largest_difference(session.forward(some_ids(5)), next) != 0;
      const Session fork = session.fork();
    }
  });
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      for (int text = 0; text < 3; ++text) wrong += model.generate(kPrompt, config).text != expected;
    });
  }
  for (std::thread& thread : threads) thread.join();
  generating = false;
  passing.join();
  CHECK(wrong == 0);
}

TEST_CASE("cuda: many loads leave no memory behind and the model usable", "[leaks]") {
  const auto probe = backend::open_cuda_backend(0, false);
  const bool emulated = contains(probe->describe().isa, "CUDA on the host");
  const std::string text = story_model("cuda").generate("Tom", {.max_new_tokens = 2}).text;
  const auto load = [](int times) {
    for (int i = 0; i < times; ++i)
      story_model("cuda", {{"num_hidden_layers", 1}}).generate("Tom", {.max_new_tokens = 1});
  };
  // Allocators and the driver fill what they keep for themselves.
  load(50);
  const std::int64_t device_before = probe->memory().free, host_before = resident_bytes();
  const int loads = emulated ? 100 : 950;
  load(loads);
  const std::int64_t device_taken = device_before - probe->memory().free;
  const std::int64_t host_taken = resident_bytes() - host_before;
  // A load may leave a page of the host. A driver takes 2 MB of the device at a time: two of them.
  const std::int64_t host_allowed = std::int64_t{4096} * loads, device_allowed = emulated ? 0 : 4 << 20;
  INFO("device " << device_taken << ", host " << host_taken << " bytes");
  CHECK(device_taken <= device_allowed);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // which keep what is freed
  CHECK(host_taken <= host_allowed);
#endif
  CHECK(story_model("cuda").generate("Tom", {.max_new_tokens = 2}).text == text);
}

TEST_CASE("cuda: a device that is not there") {
  CHECK(contains(error_of<DeviceError>([] { story_model("cuda:99"); }), "cuda:99"));
  CHECK_THROWS_AS(story_model("cuda:-1"), InvalidArgument);
}
