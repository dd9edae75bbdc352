// SPDX-License-Identifier: Apache-2.0
/// Rotary embedding frequencies: reading their parameters and computing them.
/// Source: transformers modeling_rope_utils.py; the papers stand beside each type in rope.cpp.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "model/config_reader.h"
#include "model/spec.h"

namespace transom::model {

/// Reads rope_parameters (transformers 5: flat, or one per layer type), or rope_theta and rope_scaling
/// (transformers 4).
/// @param layer_type "full_attention" or "sliding_attention": which one of nested parameters.
RopeSpec read_rope(const ConfigReader& reader, std::string_view layer_type, std::int64_t head_dim,
                   std::int64_t max_position, double default_theta);

/// Whether the frequencies depend on the length of the text (dynamic, longrope).
bool depends_on_length(const RopeSpec& spec);
/// Whether they are the same for texts of `shorter` and `longer` tokens, and all between.
bool same_frequencies(const RopeSpec& spec, std::int64_t shorter, std::int64_t longer);
/// The same for every rope of a model.
bool same_frequencies(std::span<const RopeSpec> specs, std::int64_t shorter, std::int64_t longer);

/// Fills inv_freq [rotary_dim / 2] for a text of `length` tokens so far.
void compute_inv_freq(const RopeSpec& spec, std::int64_t length, std::span<float> inv_freq);

}  // namespace transom::model
