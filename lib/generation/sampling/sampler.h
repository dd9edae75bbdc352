// SPDX-License-Identifier: Apache-2.0
/// Choosing a token from processed logits: the most probable one, or a draw from what the truncations leave.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "generation/sampling/truncation.h"
#include "generation/settings.h"
#include "model/sequence/sequence.h"
#include "transom/generation.h"

namespace transom::generation {

class Sampler {
 public:
  /// @param settings Must outlive the sampler. @param stream Of several samplers with one seed, each draws
  /// something else.
  Sampler(const Settings& settings, std::int64_t vocab, std::uint64_t stream = 0);
  Sampler(Settings&& settings, std::int64_t vocab, std::uint64_t stream = 0) = delete;

  /// @param logits Without NaN; -infinity is forbidden.
  /// @throws InvalidArgument when every token is forbidden.
  TokenId choose(std::span<const float> logits);

  /// The same for logits that truncate() has been through: greedy, or a draw from their softmax.
  TokenId choose_truncated(std::span<const float> logits);

  /// Divides by the temperature and forbids what the truncations drop.
  void truncate(std::span<float> logits);

  /// Whether a device could do what choose() does: temperature, top-k, top-p and min-p at the most.
  bool fits_choice() const;
  /// What the device needs for it instead of choose(), with the random number that choose() would draw.
  /// @param usable_vocab Ids from here on are never chosen.
  model::TokenChoice next_choice(std::int64_t usable_vocab);

  std::mt19937_64& random() { return random_; }

 private:
  TokenId draw(std::span<const Candidate> candidates);
  TokenId draw_mirostat(std::vector<Candidate>& candidates);

  const Settings& settings_;
  std::mt19937_64 random_;
  Truncator truncator_;
  std::size_t vocab_;
  double mirostat_limit_;  // "mu": the surprise, in bits, up to which tokens remain
};

/// The ids of the `count` largest logits, best first; among equals the smaller id.
std::vector<TokenId> best_tokens(std::span<const float> logits, std::size_t count);

/// Log-probabilities (natural) of one token and the `top` best ones, from unprocessed logits.
TokenLogprobs token_logprobs(std::span<const float> logits, TokenId chosen, int top);

/// logits -= log of the sum of their exponentials.
void log_softmax(std::span<float> logits);

}  // namespace transom::generation
