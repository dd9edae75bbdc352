// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "io/json.h"
#include "transom/config.h"
#include "transom/generation_config.h"

namespace transom::generation {

/// The defaults that a model directory gives: generation_config.json, and eos_token_id of config.json where
/// that is silent. What the file does not set stays unset.
/// @param file generation_config.json, or nullptr when there is none. @param where Its path, for messages.
/// @throws FormatError for values of the wrong kind or out of range.
GenerationConfig read_generation_config(const io::Json* file, const std::string& where, const Config& config);

}  // namespace transom::generation
