// SPDX-License-Identifier: Apache-2.0
#include "generation/processors/penalties.h"

namespace transom::generation {

void penalise_repetition(std::span<const TokenId> text, float penalty, std::span<std::uint32_t> seen,
                         std::span<float> logits) {
  for (const TokenId id : text) {
    const auto index = static_cast<std::size_t>(id);
    if (seen[index]++ > 0) continue;
    logits[index] = logits[index] < 0 ? logits[index] * penalty : logits[index] / penalty;
  }
  for (const TokenId id : text) seen[static_cast<std::size_t>(id)] = 0;
}

void penalise_frequency(std::span<const TokenId> text, float frequency, float presence,
                        std::span<std::uint32_t> seen, std::span<float> logits) {
  for (const TokenId id : text) ++seen[static_cast<std::size_t>(id)];
  for (const TokenId id : text) {
    const auto index = static_cast<std::size_t>(id);
    if (seen[index] == 0) continue;
    logits[index] -= static_cast<float>(seen[index]) * frequency + presence;
    seen[index] = 0;
  }
}

}  // namespace transom::generation
