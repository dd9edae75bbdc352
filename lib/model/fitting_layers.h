// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "model/placement.h"
#include "model/spec.h"
#include "model/weights.h"

namespace transom::model {

/// For the message of a device that ran out of memory while a model was loaded or a session made: what its
/// layers and a session need, what is left for them, and how many layers would fit. Sizes are those of the
/// layers that were loaded; of layers that were not, the largest of them. Empty where the last device is the
/// CPU, or where everything should have fitted.
/// @param weights As far as they are loaded. @param context, chunk Of the session.
std::string fitting_layers(const ModelSpec& spec, const Placement& placement, const ModelWeights& weights,
                           std::int64_t context, std::int64_t chunk);

}  // namespace transom::model
