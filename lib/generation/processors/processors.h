// SPDX-License-Identifier: Apache-2.0
/// What changes the logits before a token is chosen, in the order of transformers: bias, penalties, forbidden
/// sequences, length rules, suppressed tokens, the user's processors. Temperature and the truncations follow
/// in the sampler.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "generation/processors/dry.h"
#include "generation/settings.h"

namespace transom::generation {

class Processors {
 public:
  /// @param settings Must outlive the processors. @param usable_vocab Ids from here on are padding of the
  /// embedding and are never generated. @param tokenizer Spells the tokens for DRY; may be null.
  Processors(const Settings& settings, std::int64_t vocab, std::int64_t usable_vocab,
             const Tokenizer* tokenizer);
  Processors(Settings&& settings, std::int64_t vocab, std::int64_t usable_vocab,
             const Tokenizer* tokenizer) = delete;

  /// @param so_far Prompt and generated ids.
  void apply(std::span<const TokenId> so_far, std::span<float> logits);

  /// Whether apply() would only forbid padding and what is no number, for the next token of a text of so
  /// many.
  bool idle(std::size_t so_far) const;
  std::int64_t usable_vocab() const { return static_cast<std::int64_t>(usable_vocab_); }

 private:
  void add_biases(std::span<const TokenId> so_far, std::span<float> logits) const;
  void apply_length_rules(std::span<const TokenId> so_far, std::span<float> logits) const;

  const Settings& settings_;
  std::size_t usable_vocab_;
  Dry dry_;
  std::vector<std::uint32_t> seen_;  // per id, scratch of the penalties; all zero between calls
};

}  // namespace transom::generation
