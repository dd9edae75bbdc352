// SPDX-License-Identifier: Apache-2.0
/// The keys of rotary embedding when a caller changes some of them.
#pragma once

#include "transom/value.h"

namespace transom::model {

/// Makes rope_scaling, rope_theta and partial_rotary_factor win that are among `given` and stand in
/// `values` already, which without them is `before`: the rope_parameters of transformers 5, which hold all
/// three, are taken apart into them. Parameters nested per layer type become a nested rope_scaling, to which
/// new kinds of layers may be added. A new rope_scaling or rope_parameters replaces the old one as a whole,
/// but for the theta, which stays if it names none. An original_max_position_embeddings inside it wins over
/// one that the file has beside it; if it names none, that one stays. All that the file says of rope, set
/// again, changes nothing.
/// @throws InvalidArgument for a changed rope_scaling or rope_parameters that is no map, has a member that
///   neither a rope type nor the file knows or a kind of layer that no family has, or has members but no
///   rope_type.
void settle_rope_keys(const Value::Map& before, const Value::Map& given, Value::Map& values);

}  // namespace transom::model
