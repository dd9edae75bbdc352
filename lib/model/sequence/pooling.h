// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/sequence/sequence.h"
#include "transom/scoring.h"

namespace transom::model {

/// Reads a text and makes one vector of the states of its tokens, f32 [hidden].
/// @param sequence Empty. @param normalize Divides the vector by its length; a vector of zeros stays.
/// @throws InvalidArgument for no tokens, ids outside the vocabulary, a text longer than the context.
std::vector<float> embed(Sequence& sequence, std::span<const std::int32_t> ids, Pooling pooling,
                         bool normalize);

}  // namespace transom::model
