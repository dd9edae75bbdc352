// SPDX-License-Identifier: Apache-2.0
/// The keys of rotary embedding when a caller changes some of them.
#pragma once

#include "transom/value.h"

namespace transom::model {

/// Makes rope_scaling, rope_theta and partial_rotary_factor win that are among `changes` and stand in
/// `values` already, which without them is `before`: the rope_parameters of transformers 5, which hold all
/// three, are taken apart into them. Parameters nested per layer type become a nested rope_scaling. A new
/// rope_scaling or rope_parameters replaces the old one as a whole, but for the theta, which stays if it
/// names none.
/// @throws InvalidArgument for a changed rope_scaling or rope_parameters that is no map, has a member that no
///   rope type knows, or has members but no rope_type.
void settle_rope_keys(const Value::Map& before, const Value::Map& changes, Value::Map& values);

}  // namespace transom::model
