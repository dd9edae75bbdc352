// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/quantization_grid.h"

namespace transom::compress {

/// How a matrix [outputs, inputs] becomes integers.
struct MatrixOptions {
  core::GridOptions grid;
  std::int64_t group_size = 128;  // inputs that share a grid; -1 = all of a row
  bool act_order = false;         // GPTQ: inputs in the order of their size (desc_act)
  bool static_groups = false;     // GPTQ: grids fitted before anything is changed, groups of neighbours
  double damping = 0.05;          // GPTQ: share of the mean of the Hessian's diagonal that is added to it

  std::int64_t groups(std::int64_t cols) const {
    return group_size < 0 ? 1 : (cols + group_size - 1) / group_size;
  }
};

/// w[o, i] = scales[o, g] * (values[o, i] - zeros[o, g]) with g = group_of[i].
struct QuantizedMatrix {
  QuantizedMatrix() = default;
  QuantizedMatrix(std::int64_t rows, std::int64_t cols, std::int64_t groups);

  std::int64_t rows = 0, cols = 0, groups = 0;
  std::vector<std::uint8_t> values;    // [rows, cols]
  std::vector<float> scales;           // [rows, groups]
  std::vector<std::uint8_t> zeros;     // [rows, groups]
  std::vector<std::int32_t> group_of;  // [cols]; i / group size unless act-order made groups of others

  void set_grid(std::int64_t row, std::int64_t group, const core::QuantizationGrid& grid);
  /// Writes row `row` as floats.
  void dequantize_row(std::int64_t row, std::span<float> out) const;
};

}  // namespace transom::compress
