// SPDX-License-Identifier: Apache-2.0
/// The parameters of rotary embedding in a configuration.
/// Source: transformers modeling_rope_utils.py.
#pragma once

#include <string_view>

#include "model/config/config_reader.h"
#include "model/spec.h"

namespace transom::model {

/// Reads rope_theta and rope_scaling (transformers 4), or rope_parameters (transformers 5: flat, or one per
/// layer type). Where a file has both, rope_scaling wins unless it is empty, as in transformers 5; but theta
/// is then still that of rope_parameters if the file has no other, while transformers falls back to its
/// default.
/// @param layer_type "full_attention" or "sliding_attention": which one of nested parameters.
RopeSpec read_rope(const ConfigReader& reader, std::string_view layer_type, std::int64_t head_dim,
                   std::int64_t max_position, double default_theta);

/// Refuses dictionaries nested per layer type of which none is of a type that a model has.
/// @param full, sliding Whether it has such layers.
void check_rope_kinds(const ConfigReader& reader, bool full, bool sliding);

}  // namespace transom::model
