// SPDX-License-Identifier: Apache-2.0
#include "generation/processors/processors.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "generation/processors/penalties.h"
#include "generation/processors/sequence_rules.h"

namespace transom::generation {

namespace {

constexpr float kForbidden = -std::numeric_limits<float>::infinity();

void forbid(std::span<const TokenId> ids, std::span<float> logits) {
  for (const TokenId id : ids) {
    if (id >= 0 && static_cast<std::size_t>(id) < logits.size())
      logits[static_cast<std::size_t>(id)] = kForbidden;
  }
}

/// Only these tokens remain, all equally likely.
void force(std::span<const TokenId> ids, std::span<float> logits) {
  std::fill(logits.begin(), logits.end(), kForbidden);
  for (const TokenId id : ids) logits[static_cast<std::size_t>(id)] = 0;
}

/// EOS gains |logit| * (factor ^ (tokens since the start) - 1).
void favour_eos(const Settings& settings, std::int64_t new_tokens, std::span<float> logits) {
  const auto [start, factor] = *settings.exponential_decay;
  if (new_tokens <= start) return;
  const float gain = std::pow(factor, static_cast<float>(new_tokens - start)) - 1;
  for (const TokenId id : settings.eos_token_ids) {
    if (id < 0 || static_cast<std::size_t>(id) >= logits.size()) continue;
    float& logit = logits[static_cast<std::size_t>(id)];
    if (logit != kForbidden) logit += std::fabs(logit) * gain;
  }
}

}  // namespace

Processors::Processors(const Settings& settings, std::int64_t vocab, std::int64_t usable_vocab,
                       const Tokenizer* tokenizer)
    : settings_(settings),
      usable_vocab_(static_cast<std::size_t>(usable_vocab)),
      dry_(settings.dry, tokenizer),
      seen_(static_cast<std::size_t>(vocab), 0) {}

void Processors::apply(std::span<const TokenId> so_far, std::span<float> logits) {
  const auto generated = so_far.subspan(static_cast<std::size_t>(settings_.prompt_tokens));
  add_biases(so_far, logits);
  if (settings_.repetition_penalty != 1)
    penalise_repetition(so_far, settings_.repetition_penalty, seen_, logits);
  if (settings_.frequency_penalty != 0 || settings_.presence_penalty != 0)
    penalise_frequency(generated, settings_.frequency_penalty, settings_.presence_penalty, seen_, logits);
  if (settings_.dry.multiplier > 0) dry_.apply(so_far, logits);
  if (settings_.no_repeat_ngram_size > 0)
    forbid_repeated_ngrams(so_far, settings_.no_repeat_ngram_size, logits);
  for (const std::vector<TokenId>& word : settings_.bad_words)
    bias_sequence(so_far, word, kForbidden, logits);
  apply_length_rules(so_far, logits);
  forbid(settings_.suppress_tokens, logits);
  // Where the first new token is forced, the one after it begins the text.
  const bool bos_is_forced = settings_.forced_bos_token_id && settings_.prompt_tokens <= 1;
  if (generated.size() == (bos_is_forced ? 1u : 0u)) forbid(settings_.begin_suppress_tokens, logits);
  for (const LogitsProcessor& processor : settings_.processors) processor(so_far, logits);
  // NaN compares false with everything: a NaN logit would make sorting undefined, so it counts as forbidden.
  for (float& logit : logits) {
    if (logit != logit) logit = kForbidden;
  }
  if (usable_vocab_ < logits.size())
    std::fill(logits.begin() + static_cast<std::ptrdiff_t>(usable_vocab_), logits.end(), kForbidden);
}

bool Processors::idle(std::size_t so_far) const {
  const Settings& s = settings_;
  const std::int64_t new_tokens = static_cast<std::int64_t>(so_far) - s.prompt_tokens;
  const bool biases = !s.logit_bias.empty() || !s.sequence_bias.empty() || !s.bad_words.empty();
  const bool penalties = s.repetition_penalty != 1 || s.frequency_penalty != 0 || s.presence_penalty != 0 ||
                         s.dry.multiplier > 0 || s.no_repeat_ngram_size > 0;
  const bool lengths = new_tokens < s.min_new_tokens || (s.forced_bos_token_id && so_far == 1) ||
                       (!s.forced_eos_token_ids.empty() && new_tokens == s.max_new_tokens - 1) ||
                       s.exponential_decay;
  // The first token after a forced one too.
  const bool begins = !s.begin_suppress_tokens.empty() && new_tokens <= 1;
  return !biases && !penalties && !lengths && !begins && s.suppress_tokens.empty() && s.processors.empty();
}

void Processors::add_biases(std::span<const TokenId> so_far, std::span<float> logits) const {
  for (const auto& [id, bias] : settings_.logit_bias) logits[static_cast<std::size_t>(id)] += bias;
  for (const auto& [sequence, bias] : settings_.sequence_bias) bias_sequence(so_far, sequence, bias, logits);
}

void Processors::apply_length_rules(std::span<const TokenId> so_far, std::span<float> logits) const {
  const std::int64_t new_tokens = static_cast<std::int64_t>(so_far.size()) - settings_.prompt_tokens;
  if (new_tokens < settings_.min_new_tokens) forbid(settings_.eos_token_ids, logits);
  if (settings_.forced_bos_token_id && so_far.size() == 1)
    force({&*settings_.forced_bos_token_id, 1}, logits);
  if (!settings_.forced_eos_token_ids.empty() && new_tokens == settings_.max_new_tokens - 1)
    force(settings_.forced_eos_token_ids, logits);
  if (settings_.exponential_decay) favour_eos(settings_, new_tokens, logits);
}

}  // namespace transom::generation
