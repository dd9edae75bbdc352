// SPDX-License-Identifier: Apache-2.0
/// Rotary embedding frequencies.
/// Source: transformers modeling_rope_utils.py; the papers stand beside each type in rope.cpp.
#pragma once

#include <cstdint>
#include <span>

#include "model/spec.h"

namespace transom::model {

/// Tokens of the longest text that all these ropes are meant for: max_position_embeddings, which linear and
/// dynamic stretch by their factor; yarn stretches the original length by it. (vLLM's rule, but for a yarn
/// whose max_position_embeddings is larger: that counts.)
std::int64_t longest_text(std::span<const RopeSpec> specs);

/// Whether the frequencies depend on the length of the text (dynamic, longrope).
bool depends_on_length(const RopeSpec& spec);
/// Whether they are the same for texts of `shorter` and `longer` tokens, and all between.
bool same_frequencies(const RopeSpec& spec, std::int64_t shorter, std::int64_t longer);
/// The same for every rope of a model.
bool same_frequencies(std::span<const RopeSpec> specs, std::int64_t shorter, std::int64_t longer);

/// Fills inv_freq [rotary_dim / 2] for a text of `length` tokens so far.
void compute_inv_freq(const RopeSpec& spec, std::int64_t length, std::span<float> inv_freq);

}  // namespace transom::model
