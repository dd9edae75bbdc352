// SPDX-License-Identifier: Apache-2.0
#include "generation/processors/sequence_rules.h"

#include <algorithm>
#include <limits>

namespace transom::generation {

void bias_sequence(std::span<const TokenId> text, std::span<const TokenId> sequence, float bias,
                   std::span<float> logits) {
  const auto before = sequence.first(sequence.size() - 1);
  if (before.size() > text.size()) return;
  if (std::ranges::equal(text.last(before.size()), before))
    logits[static_cast<std::size_t>(sequence.back())] += bias;
}

void forbid_repeated_ngrams(std::span<const TokenId> text, std::int64_t n, std::span<float> logits) {
  const auto size = static_cast<std::size_t>(n);
  if (text.size() < size) return;
  const auto end = text.last(size - 1);
  for (std::size_t i = 0; i + size <= text.size(); ++i) {
    if (std::ranges::equal(text.subspan(i, size - 1), end)) {
      logits[static_cast<std::size_t>(text[i + size - 1])] = -std::numeric_limits<float>::infinity();
    }
  }
}

}  // namespace transom::generation
