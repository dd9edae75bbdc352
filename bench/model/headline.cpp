// SPDX-License-Identifier: Apache-2.0
#include "bench/model/headline.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "bench/model/measure.h"
#include "model/sequence/sequence.h"

namespace transom::bench {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kWindow = 2048;
// A small chunk: the ring has to hold it beside the window, in every layer.
constexpr std::int64_t kChunk = 128;
constexpr int kDecodeTokens = 32;
constexpr double kMostBytes = 3.2e9, kMostTimesBytes = 1.3, kMissionMs = 120;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Options headline_options(int threads) {
  Options options;
  options.synthetic = "deepseek-llm-7b";
  options.quantization = "int3";
  options.group_size = 128;
  options.kv_cache_dtype = "int8";
  options.window = kWindow;
  options.threads = threads;
  return options;
}

/// Reads the prompt a chunk at a time. @return Seconds.
double read_prompt(model::Sequence& sequence, const std::vector<std::int32_t>& ids) {
  const bool terminal = ::isatty(STDERR_FILENO) != 0;
  const auto start = Clock::now();
  for (std::size_t at = 0; at < ids.size(); at += kChunk) {
    sequence.forward(std::span(ids).subspan(at, std::min<std::size_t>(kChunk, ids.size() - at)), false, {});
    if (terminal) std::fprintf(stderr, "\r%zu of %zu tokens, %.0f s ", at, ids.size(), seconds_since(start));
  }
  if (terminal) std::fprintf(stderr, "\r%40s\r", "");
  return seconds_since(start);
}

/// Medians of the steps, and of the bandwidth probed between them.
struct Decode {
  double step_s = 0, read_bytes_per_s = 0;
};

Decode measure_steps(model::Sequence& sequence, std::size_t threads) {
  std::vector<float> logits(static_cast<std::size_t>(sequence.vocab()));
  std::vector<double> seconds;
  std::int32_t id = 1000;
  const auto turn = [&](std::int64_t steps) {
    for (std::int64_t i = 0; i < steps; ++i, ++id) {
      const auto start = Clock::now();
      sequence.forward({&id, 1}, false, logits);
      seconds.push_back(seconds_since(start));
    }
  };
  const double bandwidth = measure_in_turns("cpu", threads, kDecodeTokens, turn);
  return {median(seconds), bandwidth};
}

}  // namespace

void print_headline(int prompt, int threads) {
  const Loaded loaded = load_model(headline_options(threads));
  const model::Transformer& transformer = *loaded.transformer;
  const model::ModelSpec& spec = transformer.spec();
  model::Sequence sequence(transformer, {prompt + kDecodeTokens, kChunk});
  const double prompt_s = read_prompt(sequence, random_ids(prompt, spec.vocab));
  const auto used = static_cast<std::size_t>(transformer.placement().describe().threads);
  const Decode decode = measure_steps(sequence, used);
  const double peak = peak_resident_bytes();
  const auto visible = static_cast<double>(std::min<std::int64_t>(prompt, kWindow));
  const double kv = 2 * visible *
                    static_cast<double>(spec.n_layers * spec.n_kv_heads *
                                        backend::kv_row_bytes(transformer.kv_dtype(), spec.head_dim));
  const double bytes = static_cast<double>(transformer.weights().decode_bytes) + kv;
  const double times = decode.step_s * decode.read_bytes_per_s / bytes;
  std::printf(
      "headline: deepseek-llm-7b, 3-bit weights, int8 KV, window %lld, a prompt of %d tokens, %zu threads\n",
      static_cast<long long>(kWindow), prompt, used);
  std::printf("  peak resident memory  %6.2f GB   bound %.1f: %s\n", peak / 1e9, kMostBytes / 1e9,
              peak <= kMostBytes ? "met" : "MISSED");
  std::printf("  decode                %6.1f ms/token   the mission's %.0f: %s\n", decode.step_s * 1e3,
              kMissionMs, decode.step_s * 1e3 <= kMissionMs ? "met" : "MISSED");
  std::printf("  over the bytes read   %6.2f times (%.2f GB at %.1f GB/s)   bound %.1f: %s\n", times,
              bytes / 1e9, decode.read_bytes_per_s / 1e9, kMostTimesBytes,
              times <= kMostTimesBytes ? "met" : "MISSED");
  std::printf("  prompt                %6.0f s, %.1f tokens/s; load %.0f s\n", prompt_s, prompt / prompt_s,
              loaded.load_s);
}

}  // namespace transom::bench
