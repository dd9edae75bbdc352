// SPDX-License-Identifier: Apache-2.0
#include "bench/model/prefix_cache.h"

#include <chrono>
#include <cstdio>
#include <vector>

#include "bench/model/report.h"
#include "core/checks.h"
#include "generation/loop.h"
#include "io/json_write.h"
#include "model/sequence/prefix_cache.h"
#include "model/sequence/sequence.h"

namespace transom::bench {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kChunk = 512, kPlenty = std::int64_t{1} << 40;
constexpr std::int64_t kNewTokens = 16;  // to compare

struct Answer {
  double first_token_s = 0;  // from the prompt to its first token, a new session included
  std::int64_t read = 0;     // tokens of the prompt that went through the model
  std::vector<std::int32_t> tokens;
};

/// What Model::generate does with a prompt.
Answer ask(const model::Transformer& transformer, model::PrefixCache& cache,
           std::vector<std::int32_t> tokens) {
  const auto start = Clock::now();
  model::Sequence sequence(transformer, {static_cast<std::int64_t>(tokens.size()) + kNewTokens, kChunk});
  cache.recall(tokens, sequence);
  std::vector<float> logits(static_cast<std::size_t>(sequence.vocab()));
  generation::Settings settings;
  settings.max_new_tokens = kNewTokens;
  const double recalled_s = std::chrono::duration<double>(Clock::now() - start).count();
  Generation result =
      generation::run({&sequence, &tokens}, {settings, nullptr, sequence.vocab()}, {}, logits);
  cache.remember(tokens, sequence);
  return {recalled_s + result.timings.prefill_s, result.timings.prompt_tokens, std::move(result.tokens)};
}

struct FirstTokens {
  std::vector<double> cold_s, warm_s;
  std::int64_t read = 0, bytes = 0;
  bool same = true;

  double cold() const { return median(cold_s); }
  double warm() const { return median(warm_s); }
};

/// Two prompts that begin alike; the second one also alone, for its text.
void measure(const model::Transformer& transformer, const PrefixCacheBench& settings, FirstTokens& report) {
  const std::int64_t vocab = transformer.spec().vocab;
  const auto ids = random_ids(settings.common + 2 * settings.own, vocab);
  const std::vector<std::int32_t> first(ids.begin(), ids.end() - settings.own);
  std::vector<std::int32_t> second(ids.begin(), ids.begin() + settings.common);
  second.insert(second.end(), ids.end() - settings.own, ids.end());
  const auto common = static_cast<std::size_t>(settings.common);
  if (second[common] == first[common])
    second[common] = static_cast<std::int32_t>((first[common] + 1) % vocab);

  model::PrefixCache cache(kPlenty), none(0);
  ask(transformer, cache, first);
  const Answer warm = ask(transformer, cache, second), cold = ask(transformer, none, second);
  report.cold_s.push_back(cold.first_token_s);
  report.warm_s.push_back(warm.first_token_s);
  report.read = warm.read;
  report.bytes = cache.bytes();
  report.same = report.same && warm.tokens == cold.tokens;
}

std::string to_json(const FirstTokens& report, const PrefixCacheBench& settings, const std::string& command) {
  using io::json_number;
  return core::message("{\n  \"command\": ", io::json_string(command),
                       ",\n  \"common_tokens\": ", settings.common, ",\n  \"own_tokens\": ", settings.own,
                       ",\n  \"cold_first_token_s\": ", json_number(report.cold()),
                       ",\n  \"warm_first_token_s\": ", json_number(report.warm()),
                       ",\n  \"ratio\": ", json_number(report.cold() / report.warm()),
                       ",\n  \"tokens_read_warm\": ", report.read, ",\n  \"cache_bytes\": ", report.bytes,
                       ",\n  \"same_text\": ", report.same ? "true" : "false", "\n}\n");
}

}  // namespace

bool print_prefix_cache(const Options& options, const PrefixCacheBench& settings,
                        const std::string& command) {
  const Loaded loaded = load_model(options);
  {  // warms up
    FirstTokens ignored;
    measure(*loaded.transformer, settings, ignored);
  }
  FirstTokens report;
  for (int i = 0; i < options.repeats; ++i) measure(*loaded.transformer, settings, report);
  std::printf("prefix cache: %lld tokens in common, then %lld; %d threads\n",
              static_cast<long long>(settings.common), static_cast<long long>(settings.own),
              loaded.transformer->placement().describe().threads);
  std::printf("  first token, cold  %9.2f ms\n", report.cold() * 1e3);
  std::printf("  first token, warm  %9.2f ms   %.1f times sooner, %lld tokens read\n", report.warm() * 1e3,
              report.cold() / report.warm(), static_cast<long long>(report.read));
  std::printf("  kept               %9.2f MB\n", static_cast<double>(report.bytes) / 1e6);
  std::printf("  text               %9s\n", report.same ? "the same" : "DIFFERENT");
  if (!options.json_file.empty()) write_file(options.json_file, to_json(report, settings, command));
  return report.same;
}

}  // namespace transom::bench
