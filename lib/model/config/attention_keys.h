// SPDX-License-Identifier: Apache-2.0
/// How attention_window, attention_sinks and attention_pattern fall on the layers of a model.
#pragma once

#include "model/config/config_reader.h"
#include "model/spec.h"

namespace transom::model {

/// Applies the three keys to the layers of a spec; to one that has none yet, only checks each key alone. Each
/// is one value for all layers, or a list that is cycled over them.
/// @throws FormatError naming the key, and the entry of a list, what was expected and what was found; of what
///   a caller sets, Config::update() makes it an InvalidArgument.
void apply_attention_keys(const ConfigReader& reader, ModelSpec& spec);

}  // namespace transom::model
