// SPDX-License-Identifier: Apache-2.0
/// A model family: how to read its config.json, and how its checkpoints name the weights. One file each under
/// families/, one line each in registry.cpp.
#pragma once

#include <string_view>

#include "model/config/config_reader.h"
#include "model/spec.h"
#include "model/weights/weight_names.h"

namespace transom::model {

struct Family {
  std::string_view model_type;
  ModelSpec (*read)(const ConfigReader& reader) = nullptr;
  WeightNames (*names)() = nullptr;
};

extern const Family kLlama, kMistral, kQwen2, kQwen3;

/// @return The family of a model_type, or nullptr.
const Family* find_family(std::string_view model_type);

/// Reads a configuration with its family's rules and applies the runtime keys.
/// @throws UnsupportedError for an unknown family; FormatError for values that make no model.
ModelSpec read_spec(const Config& config);

}  // namespace transom::model
