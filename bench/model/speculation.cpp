// SPDX-License-Identifier: Apache-2.0
#include "bench/model/speculation.h"

#include <cstdio>
#include <vector>

#include "bench/model/report.h"
#include "core/checks.h"
#include "generation/loop.h"
#include "io/json_write.h"
#include "model/sequence/sequence.h"
#include "transom/auto_tokenizer.h"

namespace transom::bench {

namespace {

constexpr std::int64_t kChunk = 512;
constexpr int kTimes = 4;  // that the prompt repeats itself
constexpr const char* kPassage =
    "The old man opened the door and looked at the sea. He took his bag, his coat and his hat, and went down "
    "to the boat. \"Good morning,\" said the boy who kept the boats. \"Good morning,\" said the old man.\n";

/// A passage several times over; without a tokenizer, random ids instead.
std::vector<std::int32_t> prompt(const Options& options, std::int64_t vocab) {
  constexpr std::int64_t kRandomIds = 48;
  std::vector<std::int32_t> once = random_ids(kRandomIds, vocab), ids;
  if (!options.model.empty())
    once = AutoTokenizer::from_pretrained(options.model).encode(kPassage, {.add_special_tokens = false});
  for (int i = 0; i < kTimes; ++i) ids.insert(ids.end(), once.begin(), once.end());
  return ids;
}

Generation write(const model::Transformer& transformer, std::vector<std::int32_t> tokens,
                 const SpeculationBench& bench, bool guess) {
  model::Sequence sequence(transformer,
                           {static_cast<std::int64_t>(tokens.size()) + bench.new_tokens, kChunk});
  std::vector<float> logits(static_cast<std::size_t>(sequence.vocab()));
  generation::Settings settings;
  settings.max_new_tokens = bench.new_tokens;
  if (guess) settings.speculation.most = bench.guess;
  return generation::run({&sequence, &tokens}, {settings, nullptr, sequence.vocab()}, {}, logits);
}

double percent(std::int64_t part, std::int64_t whole) {
  return whole > 0 ? 100.0 * static_cast<double>(part) / static_cast<double>(whole) : 0;
}

}  // namespace

bool print_speculation(const Options& options, const SpeculationBench& settings, const std::string& command) {
  const Loaded loaded = load_model(options);
  const model::Transformer& transformer = *loaded.transformer;
  const auto ids = prompt(options, transformer.spec().vocab);
  write(transformer, ids, settings, true);  // warms up
  std::vector<double> plain_s, guessed_s;
  Generation plain, guessed;
  for (int i = 0; i < options.repeats; ++i) {
    plain = write(transformer, ids, settings, false);
    guessed = write(transformer, ids, settings, true);
    plain_s.push_back(plain.timings.decode_s);
    guessed_s.push_back(guessed.timings.decode_s);
  }
  const double steps = settings.new_tokens - 1;  // the first token belongs to the prompt
  const double plain_rate = steps / median(plain_s), guessed_rate = steps / median(guessed_s);
  const auto drafted = guessed.timings.drafted_tokens, accepted = guessed.timings.accepted_tokens;
  const bool same = plain.tokens == guessed.tokens;
  std::printf(
      "speculation: prompt lookup, up to %d tokens a guess; a prompt of %zu tokens that says the same "
      "%d times, %d new ones, greedy; %d threads\n",
      settings.guess, ids.size(), kTimes, settings.new_tokens, transformer.placement().describe().threads);
  std::printf("  accepted  %lld of %lld guesses (%.0f %%)\n", static_cast<long long>(accepted),
              static_cast<long long>(drafted), percent(accepted, drafted));
  std::printf("  decode    %.1f tokens/s, without guesses %.1f: %.2f times as fast\n", guessed_rate,
              plain_rate, guessed_rate / plain_rate);
  std::printf("  text      %s\n", same ? "the same" : "DIFFERENT");
  if (options.json_file.empty()) return same;
  using io::json_number;
  write_file(
      options.json_file,
      core::message("{\n  \"command\": ", io::json_string(command), ",\n  \"prompt_tokens\": ", ids.size(),
                    ",\n  \"new_tokens\": ", settings.new_tokens, ",\n  \"drafted\": ", drafted,
                    ",\n  \"accepted\": ", accepted, ",\n  \"plain_tokens_per_s\": ", json_number(plain_rate),
                    ",\n  \"tokens_per_s\": ", json_number(guessed_rate),
                    ",\n  \"speedup\": ", json_number(guessed_rate / plain_rate),
                    ",\n  \"same_text\": ", same ? "true" : "false", "\n}\n"));
  return same;
}

}  // namespace transom::bench
