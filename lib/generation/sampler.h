// SPDX-License-Identifier: Apache-2.0
/// Choosing a token from processed logits: the most probable one, or a draw after temperature, top-k, top-p
/// and min-p, applied in this order as transformers does.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "generation/settings.h"
#include "transom/generation.h"

namespace transom::generation {

class Sampler {
 public:
  /// @param settings Must outlive the sampler.
  Sampler(const Settings& settings, std::int64_t vocab);
  Sampler(Settings&& settings, std::int64_t vocab) = delete;

  /// @param logits Without NaN; -infinity is forbidden.
  /// @throws InvalidArgument when every token is forbidden.
  TokenId choose(std::span<const float> logits);

 private:
  struct Candidate {
    float logit = 0;
    TokenId id = 0;
  };

  void select_top_k(std::span<const float> logits);
  void keep_top_p();

  const Settings& settings_;
  std::mt19937_64 random_;
  std::vector<Candidate> candidates_;
  std::vector<float> values_;
};

/// Log-probabilities (natural) of one token and the `top` best ones, from unprocessed logits.
TokenLogprobs token_logprobs(std::span<const float> logits, TokenId chosen, int top);

}  // namespace transom::generation
