// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "transom/config.h"

namespace transom {

/// Loads the configuration of a model directory.
struct TRANSOM_API AutoConfig {
  /// @param path_or_id A directory with config.json, or `org/name` in the local Hugging Face cache; see
  ///   AutoModel::from_pretrained.
  /// @throws NotFound naming every place that was looked at; FormatError when config.json is no JSON object.
  static Config from_pretrained(std::string_view path_or_id);
};

}  // namespace transom
