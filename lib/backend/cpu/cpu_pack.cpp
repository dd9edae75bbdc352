// SPDX-License-Identifier: Apache-2.0
// Weights into panels, on all threads: floats as they are, integers as a reader yields them or rounded here.
#include <algorithm>

#include "backend/adapters/kernel_args.h"
#include "backend/cpu/cpu_linear.h"
#include "backend/weight_rows.h"
#include "core/checks.h"
#include "core/count.h"
#include "transom/error.h"

namespace transom::backend {

using core::count;
using core::message;
using kernels::kPanelColumns;

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

void CpuLinear::pack_integers(const LinearWeights& weights, const kernels::KernelTable& table,
                              core::ThreadPool& pool) {
  const IntegerFormat& format = weights.integers;
  const std::size_t groups = packed_.groups;
  pool.run([&] {
    pool.parallel_ranges(kernels::panel_count(packed_.n), [&](std::size_t begin, std::size_t end) {
      std::vector<std::uint8_t> values(kPanelColumns * packed_.k), zeros(kPanelColumns * groups);
      std::vector<float> tile_scales(kPanelColumns * groups);
      const IntegerTile tile{values.data(), tile_scales.data(), format.zero_points ? zeros.data() : nullptr};
      std::vector<float> row;
      for (std::size_t panel = begin; panel < end; ++panel) {
        const std::size_t first = panel * kPanelColumns, taken = std::min(kPanelColumns, packed_.n - first);
        read_integer_rows(weights, static_cast<std::int64_t>(first), static_cast<std::int64_t>(taken), row,
                          tile);
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
      store_scale(packed_.scale_type, tile.scales[row * groups + group], scales, to + row);
      if (zeros != nullptr) zeros[to + row] = tile.zeros[row * groups + group];
    }
  }
}

}  // namespace transom::backend
