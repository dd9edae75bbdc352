// SPDX-License-Identifier: Apache-2.0
#include "model/spec.h"

#include <algorithm>

namespace transom::model {

bool ModelSpec::any_keeps_all() const {
  return std::any_of(layers.begin(), layers.end(), [](const LayerSpec& layer) { return layer.keeps_all(); });
}

bool ModelSpec::any_sinks() const {
  return std::any_of(layers.begin(), layers.end(), [](const LayerSpec& layer) { return layer.sinks > 0; });
}

}  // namespace transom::model
