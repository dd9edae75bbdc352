// SPDX-License-Identifier: Apache-2.0
// Weights into panels, on all threads: floats as they are, integers as a reader yields them or rounded here.
#include <algorithm>
#include <cstring>

#include "backend/cpu/cpu_linear.h"
#include "core/checks.h"
#include "core/count.h"
#include "core/quantization_grid.h"
#include "kernels/common/bf16.h"
#include "transom/error.h"

namespace transom::backend {

using core::count;
using core::message;
using kernels::kPanelColumns;
using kernels::ScaleType;

namespace {

kernels::SourceType source_type(const LinearWeights& weights) {
  switch (weights.parts.front().dtype) {
    case DType::f32:
      return kernels::SourceType::f32;
    case DType::bf16:
      return kernels::SourceType::bf16;
    case DType::f16:
      return kernels::SourceType::f16;
    default:
      break;
  }
  throw UnsupportedError(
      message(weights.name, ": cannot prepare weights of dtype ", dtype_name(weights.parts.front().dtype)));
}

/// The address of every output row.
std::vector<const void*> row_pointers(const LinearWeights& weights) {
  std::vector<const void*> rows;
  for (const WeightRows& part : weights.parts) {
    const auto step = weights.cols * static_cast<std::int64_t>(dtype_size(part.dtype));
    for (std::int64_t row = 0; row < part.rows; ++row) rows.push_back(part.data + row * step);
  }
  return rows;
}

ScaleType scale_type(DType dtype) {
  return dtype == DType::f16 ? ScaleType::f16 : dtype == DType::bf16 ? ScaleType::bf16 : ScaleType::f32;
}

/// One row of a checkpoint as f32, whatever its alignment.
class RowReader {
 public:
  explicit RowReader(const kernels::KernelTable& table) : table_(table) {}

  std::span<const float> read(const WeightRows& part, std::int64_t row, std::size_t cols) {
    const std::size_t bytes = cols * dtype_size(part.dtype);
    stored_.resize((bytes + 3) / 4);
    values_.resize(cols);
    std::memcpy(stored_.data(), part.data + count(row) * bytes, bytes);
    const std::int32_t first = 0;
    kernels::EmbedArgs args;
    args.table = stored_.data();
    args.type = part.dtype == DType::f32    ? kernels::TableType::f32
                : part.dtype == DType::bf16 ? kernels::TableType::bf16
                                            : kernels::TableType::f16;
    args.ids = &first;
    args.dst = values_.data();
    args.dst_stride = args.hidden = cols;
    args.n_tokens = 1;
    table_.embed.run(args);
    return values_;
  }

 private:
  const kernels::KernelTable& table_;
  std::vector<std::uint32_t> stored_;
  std::vector<float> values_;
};

/// Rounds rows [first, first + rows) of a part of floats to integers, group by group.
void round_rows(const WeightRows& part, std::int64_t first, std::int64_t rows, std::size_t cols,
                const IntegerFormat& format, RowReader& reader, const IntegerTile& tile) {
  const std::size_t groups = count(format.groups(static_cast<std::int64_t>(cols)));
  const std::size_t group_size = groups == 1 ? cols : count(format.group_size);
  const core::GridOptions options = format.grid();
  for (std::size_t row = 0; row < count(rows); ++row) {
    const std::span<const float> values = reader.read(part, first + static_cast<std::int64_t>(row), cols);
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

/// Rows [first, first + rows) of the stacked parts.
void read_rows(const LinearWeights& weights, std::int64_t first, std::int64_t rows, RowReader& reader,
               IntegerTile tile) {
  const std::size_t cols = count(weights.cols), groups = count(weights.integers.groups(weights.cols));
  for (const WeightRows& part : weights.parts) {
    const std::int64_t taken = std::clamp<std::int64_t>(part.rows - first, 0, rows);
    if (taken > 0 && part.integers) {
      part.integers(first, taken, tile);
    } else if (taken > 0) {
      round_rows(part, first, taken, cols, weights.integers, reader, tile);
    }
    tile.values += count(taken) * cols;
    tile.scales += count(taken) * groups;
    if (tile.zeros != nullptr) tile.zeros += count(taken) * groups;
    rows -= taken;
    first = std::max<std::int64_t>(first - part.rows, 0);
  }
}

}  // namespace

void CpuLinear::pack_floats(const LinearWeights& weights, const kernels::KernelTable& table,
                            core::ThreadPool& pool) {
  const std::vector<const void*> row_list = row_pointers(weights);
  kernels::PackArgs args;
  args.rows = row_list.data();
  args.source = source_type(weights);
  args.type = packed_.type;
  args.n = packed_.n;
  args.k = packed_.k;
  args.data = memory_.data;
  pool.run([&] {
    pool.parallel_ranges(kernels::panel_count(packed_.n), [&](std::size_t begin, std::size_t end) {
      kernels::PackArgs share = args;
      share.panel_begin = begin;
      share.panel_end = end;
      table.pack.run(share);
    });
  });
}

void CpuLinear::describe_integers(const IntegerFormat& format, const std::string& name) {
  const std::size_t groups = count(format.groups(cols));
  if (groups == 1 && packed_.k >= (std::size_t{1} << 16)) {
    throw UnsupportedError(message(name, ": ", cols, " inputs share a scale; at most 65535 may"));
  }
  packed_.groups = groups;
  packed_.group = groups == 1 ? packed_.k : count(format.group_size);
  packed_.scale_type = scale_type(format.scale_dtype);
}

void CpuLinear::pack_integers(const LinearWeights& weights, const kernels::KernelTable& table,
                              core::ThreadPool& pool) {
  const IntegerFormat& format = weights.integers;
  const std::size_t groups = packed_.groups;
  pool.run([&] {
    pool.parallel_ranges(kernels::panel_count(packed_.n), [&](std::size_t begin, std::size_t end) {
      std::vector<std::uint8_t> values(kPanelColumns * packed_.k), zeros(kPanelColumns * groups);
      std::vector<float> tile_scales(kPanelColumns * groups);
      const IntegerTile tile{values.data(), tile_scales.data(), format.zero_points ? zeros.data() : nullptr};
      RowReader reader(table);
      for (std::size_t panel = begin; panel < end; ++panel) {
        const std::size_t first = panel * kPanelColumns, taken = std::min(kPanelColumns, packed_.n - first);
        read_rows(weights, static_cast<std::int64_t>(first), static_cast<std::int64_t>(taken), reader, tile);
        store_panel(tile, taken, panel, table);
      }
    });
  });
}

void CpuLinear::store_panel(const IntegerTile& tile, std::size_t tile_rows, std::size_t panel,
                            const kernels::KernelTable& table) {
  kernels::PackIntegersArgs args;
  args.values = tile.values;
  args.rows = tile_rows;
  args.k = packed_.k;
  args.type = packed_.type;
  args.data = memory_.data + panel * kernels::panel_bytes(packed_.type, packed_.k);
  table.pack_integers.run(args);
  const std::size_t groups = packed_.groups;
  auto* const scales = const_cast<void*>(packed_.scale);
  auto* const zeros = const_cast<std::uint8_t*>(packed_.zero);
  for (std::size_t group = 0; group < groups; ++group) {
    const std::size_t to = (panel * groups + group) * kPanelColumns;
    for (std::size_t row = 0; row < tile_rows; ++row) {
      const float scale = tile.scales[row * groups + group];
      switch (packed_.scale_type) {
        case ScaleType::f32:
          static_cast<float*>(scales)[to + row] = scale;
          break;
        case ScaleType::f16:
          static_cast<std::uint16_t*>(scales)[to + row] = kernels::f32_to_f16(scale);
          break;
        case ScaleType::bf16:
          static_cast<std::uint16_t*>(scales)[to + row] = kernels::f32_to_bf16(scale);
          break;
      }
      if (zeros != nullptr) zeros[to + row] = tile.zeros[row * groups + group];
    }
  }
}

}  // namespace transom::backend
