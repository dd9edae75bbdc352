// SPDX-License-Identifier: Apache-2.0
/// The generation loop: prompt through the model, then token by token until something ends it.
#pragma once

#include <span>
#include <vector>

#include "generation/run.h"

namespace transom::generation {

/// Generates after text.tokens.
/// @param logits Scratch [vocab] that outlives the call.
/// @throws what the callback or a processor throws; the text then ends with the last complete token.
Generation run(const Text& text, const Call& call, const TokenCallback& on_text, std::span<float> logits);

/// num_return_sequences independent continuations of one text, which becomes the first of them.
std::vector<Generation> run_samples(const Text& text, const Call& call, std::span<float> logits);

/// The same for several texts whose sequences are siblings. Each has its own settings; they take their steps
/// together, so that the weights are read once for all of them.
std::vector<Generation> run_batch(std::span<const Text> texts, std::span<const Call> calls,
                                  const BatchCallback& on_text);

}  // namespace transom::generation
