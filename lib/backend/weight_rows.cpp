// SPDX-License-Identifier: Apache-2.0
#include "backend/weight_rows.h"

#include <algorithm>

#include "core/checks.h"
#include "core/count.h"
#include "core/float_convert.h"
#include "core/quantization_grid.h"
#include "transom/error.h"

namespace transom::backend {

using core::count;

namespace {

/// Rounds rows [first, first + rows) of a part of floats to integers, group by group.
void round_rows(const WeightRows& part, std::int64_t first, std::int64_t rows, const IntegerFormat& format,
                std::span<float> values, const IntegerTile& tile) {
  const std::size_t cols = values.size(), groups = count(format.groups(static_cast<std::int64_t>(cols)));
  const std::size_t group_size = groups == 1 ? cols : count(format.group_size);
  const core::GridOptions options = format.grid();
  for (std::size_t row = 0; row < count(rows); ++row) {
    read_float_row(part, first + static_cast<std::int64_t>(row), values);
    for (std::size_t group = 0; group < groups; ++group) {
      const std::size_t begin = group * group_size;
      const auto members = values.subspan(begin, std::min(group_size, cols - begin));
      const core::QuantizationGrid grid = core::fit_grid(members, options);
      core::to_grid(members, grid, format.bits, tile.values + row * cols + begin);
      tile.scales[row * groups + group] = grid.scale;
      if (format.zero_points) tile.zeros[row * groups + group] = static_cast<std::uint8_t>(grid.zero);
    }
  }
}

}  // namespace

void read_float_row(const WeightRows& part, std::int64_t row, std::span<float> values) {
  if (!core::is_floating(part.dtype))
    throw UnsupportedError(core::message("cannot prepare weights of dtype ", dtype_name(part.dtype)));
  core::to_float(part.dtype, part.data + count(row) * values.size() * dtype_size(part.dtype), values);
}

void read_integer_rows(const LinearWeights& weights, std::int64_t first, std::int64_t rows,
                       std::vector<float>& scratch, IntegerTile tile) {
  const std::size_t cols = count(weights.cols), groups = count(weights.integers.groups(weights.cols));
  scratch.resize(cols);
  for (const WeightRows& part : weights.parts) {
    const std::int64_t taken = std::clamp<std::int64_t>(part.rows - first, 0, rows);
    if (taken > 0 && part.integers) {
      part.integers(first, taken, tile);
    } else if (taken > 0) {
      round_rows(part, first, taken, weights.integers, scratch, tile);
    }
    tile.values += count(taken) * cols;
    tile.scales += count(taken) * groups;
    if (tile.zeros != nullptr) tile.zeros += count(taken) * groups;
    rows -= taken;
    first = std::max<std::int64_t>(first - part.rows, 0);
  }
}

}  // namespace transom::backend
