// SPDX-License-Identifier: Apache-2.0
#include "compress/round_to_nearest.h"

#include <algorithm>

#include "core/count.h"

namespace transom::compress {

using core::count;

QuantizedMatrix round_to_nearest(std::span<const float> weight, std::int64_t rows, std::int64_t cols,
                                 const MatrixOptions& options, core::ThreadPool& pool) {
  QuantizedMatrix result(rows, cols, options.groups(cols));
  const std::size_t width = options.group_size < 0 ? count(cols) : count(options.group_size);
  for (std::size_t i = 0; i < count(cols); ++i) result.group_of[i] = static_cast<std::int32_t>(i / width);
  const auto quantize_row = [&](std::size_t row) {
    const auto floats = weight.subspan(row * count(cols), count(cols));
    std::uint8_t* const values = result.values.data() + row * count(cols);
    for (std::size_t begin = 0, group = 0; begin < count(cols); begin += width, ++group) {
      const auto part = floats.subspan(begin, std::min(width, count(cols) - begin));
      const core::QuantizationGrid grid = core::fit_grid(part, options.grid);
      result.set_grid(static_cast<std::int64_t>(row), static_cast<std::int64_t>(group), grid);
      for (std::size_t i = 0; i < part.size(); ++i)
        values[begin + i] = core::to_grid(part[i], grid, options.grid.bits);
    }
  };
  pool.run([&] {
    pool.parallel_ranges(count(rows), [&](std::size_t begin, std::size_t end) {
      for (std::size_t row = begin; row < end; ++row) quantize_row(row);
    });
  });
  return result;
}

}  // namespace transom::compress
