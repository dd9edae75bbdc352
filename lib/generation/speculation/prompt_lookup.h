// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "generation/speculation/drafter.h"

namespace transom::generation {

/// Prompt lookup decoding (Saxena 2023): what followed the last time that the text had its present end. Good
/// for texts that quote: summaries, code that is edited, answers out of a document.
class PromptLookup : public Drafter {
 public:
  /// @param longest Tokens of the end that are looked for first; where they never came before, fewer.
  explicit PromptLookup(std::size_t longest) : longest_(longest) {}

  void draft(std::span<const TokenId> text, std::size_t most, std::vector<TokenId>& draft) override;

 private:
  std::size_t longest_;
};

}  // namespace transom::generation
