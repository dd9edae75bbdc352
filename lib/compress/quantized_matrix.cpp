// SPDX-License-Identifier: Apache-2.0
#include "compress/quantized_matrix.h"

#include "core/count.h"

namespace transom::compress {

using core::count;

QuantizedMatrix::QuantizedMatrix(std::int64_t n_rows, std::int64_t n_cols, std::int64_t n_groups)
    : rows(n_rows),
      cols(n_cols),
      groups(n_groups),
      values(count(n_rows * n_cols)),
      scales(count(n_rows * n_groups)),
      zeros(count(n_rows * n_groups)),
      group_of(count(n_cols)) {}

void QuantizedMatrix::set_grid(std::int64_t row, std::int64_t group, const core::QuantizationGrid& grid) {
  scales[count(row * groups + group)] = grid.scale;
  zeros[count(row * groups + group)] = static_cast<std::uint8_t>(grid.zero);
}

void QuantizedMatrix::dequantize_row(std::int64_t row, std::span<float> out) const {
  const float* scale = scales.data() + row * groups;
  const std::uint8_t* zero = zeros.data() + row * groups;
  const std::uint8_t* value = values.data() + row * cols;
  for (std::int64_t i = 0; i < cols; ++i) {
    const std::int32_t group = group_of[count(i)];
    out[count(i)] = core::from_grid(value[i], {scale[group], zero[group]});
  }
}

}  // namespace transom::compress
