// SPDX-License-Identifier: Apache-2.0
/// Narrowing the choice before a draw: temperature, top-n-sigma, top-h, top-k, top-p, min-p, typical,
/// epsilon, eta, XTC, in this order (that of transformers; llama.cpp's own ones stand where they do the same
/// there).
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "generation/settings.h"
#include "transom/tokenizer.h"

namespace transom::generation {

/// A token that may be drawn.
struct Candidate {
  float logit = 0;  // as it came, before temperature
  float p = 0;      // probability after temperature, relative to the best candidate
  TokenId id = 0;
};

/// More probable first; among equals the smaller id, so that results do not depend on the sort.
inline bool better(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

/// Sum of the relative probabilities.
double total(std::span<const Candidate> candidates);

/// The same in the integers of token_weight.h, whose sum does not depend on the order.
std::uint64_t total_weight(std::span<const Candidate> candidates);

class Truncator {
 public:
  /// @param settings Must outlive the object.
  Truncator(const Truncation& settings, std::size_t vocab);

  /// The tokens that remain, by their ids; valid until the next call and open to change. Mirostat, when it is
  /// on, takes the place of everything but temperature: all tokens remain then.
  /// @param logits Without NaN; -infinity is forbidden. @param random For XTC.
  /// @throws InvalidArgument when every token is forbidden.
  std::vector<Candidate>& apply(std::span<const float> logits, std::mt19937_64& random);

 private:
  float threshold(std::span<const float> logits);
  float kth_largest(std::span<const float> logits, std::size_t k);
  void select(std::span<const float> logits, float threshold);
  void set_probabilities();

  const Truncation& settings_;
  std::vector<Candidate> candidates_;
  std::vector<float> values_;  // scratch
};

/// A number in [0, 1) with 53 random bits: the same on every platform, unlike std::uniform_real_distribution.
inline double uniform(std::mt19937_64& random) { return static_cast<double>(random() >> 11) * 0x1p-53; }

[[noreturn]] void fail_no_token();

}  // namespace transom::generation
