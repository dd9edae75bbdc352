// SPDX-License-Identifier: Apache-2.0
#include "generation/speculation/prompt_lookup.h"

#include <algorithm>

namespace transom::generation {

void PromptLookup::draft(std::span<const TokenId> text, std::size_t most, std::vector<TokenId>& draft) {
  draft.clear();
  // From the end backwards over all places where the last token stood before: the one whose preceding tokens
  // agree longest wins, and of equals the latest.
  std::size_t best = 0, best_end = 0;
  for (std::size_t end = text.size() - 1; end > best && best < longest_; --end) {
    if (text[end - 1] != text.back()) continue;
    std::size_t length = 1;
    while (length < longest_ && length < end && text[end - 1 - length] == text[text.size() - 1 - length])
      ++length;
    if (length <= best) continue;
    best = length;
    best_end = end;
  }
  if (best == 0) return;
  // A text that repeats with a short period is guessed on beyond its end.
  const std::size_t period = text.size() - best_end;
  for (std::size_t i = 0; i < most; ++i) draft.push_back(text[best_end + i % period]);
}

}  // namespace transom::generation
