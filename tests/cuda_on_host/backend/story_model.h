// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "tests/support/paths.h"
#include "transom/transom.h"

namespace transom::testing {

using Settings = std::initializer_list<std::pair<std::string_view, Value>>;

/// The bundled model, on a device that TRANSOM_CUDA_LIBRARY has.
inline Model story_model(const std::string& device, Settings settings = {}, std::int64_t gpu_layers = -1) {
  Config config = AutoConfig::from_pretrained(tinystories().string());
  config.update(settings);
  return AutoModel::from_pretrained(
      tinystories().string(), config,
      {.device = device, .gpu_layers = gpu_layers, .threads = 1, .pin_threads = false});
}

inline constexpr const char* kPrompt = "Once upon a time there was a little girl who";

}  // namespace transom::testing
