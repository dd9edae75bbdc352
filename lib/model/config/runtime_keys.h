// SPDX-License-Identifier: Apache-2.0
/// The configuration keys that are Transom's own: how to run a model, not what it is.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "model/config/config_reader.h"
#include "model/spec.h"

namespace transom::model {

struct RuntimeKey {
  std::string_view name;
  Value fallback;
};

/// All runtime keys with their defaults.
std::span<const RuntimeKey> runtime_keys();

/// Checks each runtime key alone. @throws FormatError for an impossible value (of what a caller sets,
/// Config::update() makes it an InvalidArgument), UnsupportedError for a legal one that this version can not
/// serve.
void check_runtime_keys(const ConfigReader& reader);

/// Applies them to a spec.
void apply_runtime_keys(const ConfigReader& reader, ModelSpec& spec);

/// Whether config.json files of known families use this key: update() accepts it even where the file does not
/// set it.
bool is_known_config_key(std::string_view key);
/// The known key (of config.json or runtime) that is spelled most like this one.
std::string_view nearest_known_key(std::string_view key);

}  // namespace transom::model
