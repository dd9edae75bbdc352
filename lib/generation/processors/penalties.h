// SPDX-License-Identifier: Apache-2.0
/// Penalties for tokens that were used before.
///
/// `seen` is scratch of one number per id of the vocabulary; all zero before and after the call.
#pragma once

#include <cstdint>
#include <span>

#include "transom/tokenizer.h"

namespace transom::generation {

/// Keskar et al. 2019: once for each distinct id, a positive logit is divided by the penalty and a negative
/// one multiplied.
void penalise_repetition(std::span<const TokenId> text, float penalty, std::span<std::uint32_t> seen,
                         std::span<float> logits);

/// As OpenAI's API defines it: logit -= count * frequency + (count > 0) * presence.
void penalise_frequency(std::span<const TokenId> text, float frequency, float presence,
                        std::span<std::uint32_t> seen, std::span<float> logits);

}  // namespace transom::generation
