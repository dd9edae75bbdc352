// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "model/placement.h"
#include "model/spec.h"
#include "model/weights/tensor_reader.h"
#include "model/weights/weight_names.h"
#include "model/weights/weight_source.h"
#include "model/weights/weights.h"

namespace transom::model {

/// Loads everything that the spec asks for.
/// @return The weights; nothing when `progress` cancelled.
/// @throws FormatError naming file, tensor, expected and found; OutOfMemory that says how many layers a GPU
///   would hold, if it can not hold its own or the CPU not the others.
std::unique_ptr<ModelWeights> load_weights(const ModelSpec& spec, const WeightNames& names,
                                           WeightSource& source, const Placement& placement,
                                           const TensorProgress& progress);

}  // namespace transom::model
