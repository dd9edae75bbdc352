// SPDX-License-Identifier: Apache-2.0
/// Rules about sequences of tokens that the next one would complete.
#pragma once

#include <cstdint>
#include <span>

#include "transom/tokenizer.h"

namespace transom::generation {

/// Adds `bias` to the last id of `sequence` where the text ends with the ids before it.
void bias_sequence(std::span<const TokenId> text, std::span<const TokenId> sequence, float bias,
                   std::span<float> logits);

/// Forbids every token that would make the last `n` ids occur a second time in the text.
void forbid_repeated_ngrams(std::span<const TokenId> text, std::int64_t n, std::span<float> logits);

}  // namespace transom::generation
