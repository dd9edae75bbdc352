// SPDX-License-Identifier: Apache-2.0
/// Speculative decoding: several guessed tokens go through the model in one step, which reads the weights
/// once, and those that the model would have written itself are kept.
///
/// A guess decides nothing. Each token is chosen from the model's logits exactly as without speculation, by
/// the same processors, constraint and draws; while it equals the guess, the logits of the next token are
/// there already. So the text is the same, greedy or sampled (up to rounding: many rows at once are summed in
/// another order than one), and a draw from p accepts a guessed token with its probability p(token): the
/// distribution of Leviathan et al. 2023 for a guess without distribution of its own.
#pragma once

#include "generation/run.h"

namespace transom::generation {

/// As run(), see loop.h, with the guesses that settings.speculation asks for.
Generation run_speculatively(const Text& text, const Call& call, const TokenCallback& on_text,
                             std::span<float> logits);

}  // namespace transom::generation
