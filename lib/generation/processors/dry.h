// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "generation/settings.h"
#include "transom/tokenizer.h"

namespace transom::generation {

/// "Don't repeat yourself", the penalty that text-generation-webui introduced and llama.cpp serves: where the
/// last n tokens stood in the text before, the token that followed them then loses
/// multiplier * base ^ (n - allowed_length). A repetition does not reach across a sequence breaker.
class Dry {
 public:
  /// @param tokenizer Spells tokens, to find the breakers; without one there are none.
  Dry(const DrySettings& settings, const Tokenizer* tokenizer) : settings_(settings), tokenizer_(tokenizer) {}

  void apply(std::span<const TokenId> text, std::span<float> logits);

 private:
  std::size_t tokens_since_breaker(std::span<const TokenId> text, std::size_t at_most);
  const std::string& spelling(TokenId id);

  const DrySettings& settings_;
  const Tokenizer* tokenizer_;
  std::unordered_map<TokenId, std::string> spellings_;
  std::vector<std::size_t> matches_;                  // scratch of one call
  std::unordered_map<TokenId, std::size_t> longest_;  // the same
};

}  // namespace transom::generation
