// SPDX-License-Identifier: Apache-2.0
/// Log-probabilities of text that is already there.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "model/sequence/sequence.h"
#include "transom/generation.h"

namespace transom::generation {

/// Scores tokens[first ... end), each given all tokens before it, and lets the sequence read all but the last
/// one. The first token of a text has no probability: 0, without alternatives.
/// @param sequence Has read a part of `tokens`. @param top Alternatives to report for each.
/// @param cancelled Asked between chunks; what was scored until then is returned.
std::vector<TokenLogprobs> score_tokens(model::Sequence& sequence, std::span<const TokenId> tokens,
                                        std::size_t first, int top,
                                        const std::function<bool()>& cancelled = {});

}  // namespace transom::generation
