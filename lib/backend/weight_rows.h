// SPDX-License-Identifier: Apache-2.0
/// Rows of a weight before preparation, whatever they are stored as, for the packers of all devices.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backend/backend.h"

namespace transom::backend {

/// values[i] = element i of a row of floats, which begins at any address.
void read_float_row(const WeightRows& part, std::int64_t row, std::span<float> values);

/// Rows [first, first + rows) of the stacked parts as integers of weights.integers: as a reader yields them,
/// or floats rounded to nearest. scratch: for one row, reused from call to call.
void read_integer_rows(const LinearWeights& weights, std::int64_t first, std::int64_t rows,
                       std::vector<float>& scratch, IntegerTile tile);

/// Calls read(part, row of the part) for rows [first, first + rows) of the stacked parts.
template <typename Read>
void for_each_row(const LinearWeights& weights, std::int64_t first, std::int64_t rows, const Read& read) {
  for (const WeightRows& part : weights.parts) {
    for (; rows > 0 && first < part.rows; ++first, --rows) read(part, first);
    first -= part.rows;
  }
}

}  // namespace transom::backend
