// SPDX-License-Identifier: Apache-2.0
#include "generation/processors.h"

#include <algorithm>
#include <limits>

namespace transom::generation {

namespace {

constexpr float kForbidden = -std::numeric_limits<float>::infinity();

}  // namespace

Processors::Processors(const Settings& settings, std::int64_t vocab, std::int64_t usable_vocab)
    : settings_(settings), usable_vocab_(static_cast<std::size_t>(usable_vocab)) {
  if (settings.repetition_penalty != 1.0f) seen_.assign(static_cast<std::size_t>(vocab), 0);
}

void Processors::apply(std::span<const TokenId> so_far, std::int64_t new_tokens, std::span<float> logits) {
  for (const auto& [id, bias] : settings_.logit_bias) logits[static_cast<std::size_t>(id)] += bias;
  if (settings_.repetition_penalty != 1.0f) penalise_repetition(so_far, logits);
  if (new_tokens < settings_.min_new_tokens) {
    for (const TokenId id : settings_.eos_token_ids) {
      if (id >= 0 && static_cast<std::size_t>(id) < logits.size())
        logits[static_cast<std::size_t>(id)] = kForbidden;
    }
  }
  for (const LogitsProcessor& processor : settings_.processors) processor(so_far, logits);
  // NaN compares false with everything: a NaN logit would make sorting undefined, so it counts as forbidden.
  for (float& logit : logits) {
    if (logit != logit) logit = kForbidden;
  }
  if (usable_vocab_ < logits.size())
    std::fill(logits.begin() + static_cast<std::ptrdiff_t>(usable_vocab_), logits.end(), kForbidden);
}

/// Keskar et al. 2019: once for each distinct id of prompt and text.
void Processors::penalise_repetition(std::span<const TokenId> so_far, std::span<float> logits) {
  ++round_;
  const float penalty = settings_.repetition_penalty;
  for (const TokenId id : so_far) {
    const auto index = static_cast<std::size_t>(id);
    if (seen_[index] == round_) continue;
    seen_[index] = round_;
    logits[index] = logits[index] < 0 ? logits[index] * penalty : logits[index] / penalty;
  }
}

}  // namespace transom::generation
