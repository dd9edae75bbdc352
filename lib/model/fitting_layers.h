// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "model/placement.h"
#include "model/spec.h"
#include "model/weights/weights.h"
#include "transom/error.h"

namespace transom::model {

/// For the message of what ran out of memory while a model was loaded, a session made or its steps run. A
/// GPU: what its layers and a session need, what is left for them, and how many layers would fit; nothing
/// where all should have fitted. The CPU beside a GPU: whether that would take more layers. Sizes are those
/// of the layers that were loaded; of layers that were not, the largest of them. Empty where all lies on the
/// CPU.
/// @param weights As far as they are loaded. @param context, chunk Of the session. @param made Whether it is
/// there already: what it has counts as room then.
std::string fitting_layers(const OutOfMemory& error, const ModelSpec& spec, const Placement& placement,
                           const ModelWeights& weights, std::int64_t context, std::int64_t chunk,
                           bool made = false);

}  // namespace transom::model
