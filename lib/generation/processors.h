// SPDX-License-Identifier: Apache-2.0
/// What changes the logits before a token is chosen, in the order of transformers: bias, repetition penalty,
/// minimum length, the user's processors. Temperature and the truncations follow in the sampler.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "generation/settings.h"

namespace transom::generation {

class Processors {
 public:
  /// @param settings Must outlive the processors. @param usable_vocab Ids from here on are padding of the
  /// embedding and are never generated.
  Processors(const Settings& settings, std::int64_t vocab, std::int64_t usable_vocab);
  Processors(Settings&& settings, std::int64_t vocab, std::int64_t usable_vocab) = delete;

  /// @param so_far Prompt and generated ids. @param new_tokens How many of them were generated.
  void apply(std::span<const TokenId> so_far, std::int64_t new_tokens, std::span<float> logits);

 private:
  void penalise_repetition(std::span<const TokenId> so_far, std::span<float> logits);

  const Settings& settings_;
  std::size_t usable_vocab_;
  // seen_[id] == round_ marks ids that were already penalised in this call, without clearing between calls.
  std::vector<std::uint32_t> seen_;
  std::uint32_t round_ = 0;
};

}  // namespace transom::generation
