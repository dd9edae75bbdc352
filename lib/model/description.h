// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "model/transformer.h"

namespace transom::model {

/// Everything that decides which numbers a text leaves in the KV cache and what they are used for, as lines
/// "name=value": the model's structure, its windows, the dtypes, and `weights`, which stands for the weights
/// (see io/weight_sample.h). Two models with the same description continue each other's texts. max_context is
/// not among them: each text has its own.
std::string describe(const Transformer& transformer, std::uint64_t weights);

}  // namespace transom::model
