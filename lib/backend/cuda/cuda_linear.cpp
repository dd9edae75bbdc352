// SPDX-License-Identifier: Apache-2.0
#include "backend/cuda/cuda_linear.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "backend/adapters/kernel_args.h"
#include "backend/weight_rows.h"
#include "core/count.h"
#include "kernels/common/bf16.h"
#include "kernels/cuda/pack_strips.h"

namespace transom::backend {

using core::count;
using kernels::kStripOutputs;
using kernels::WeightType;

CudaLinear::CudaLinear(const LinearWeights& weights, core::ThreadPool& pool, UploadQueue& uploads,
                       DeviceArena& arena) {
  for (const WeightRows& part : weights.parts) rows += part.rows;
  cols = weights.cols;
  tiled_.type = weight_type(weights);
  tiled_.n = count(rows);
  tiled_.k = count(cols);
  int8_activations_ = weights.activations == ActivationFormat::int8 && tiled_.type == WeightType::i8;
  if (is_integer()) set_groups(weights, tiled_);
  const Layout layout = lay_out(weights);
  const std::span<std::byte> staged = uploads.begin(layout.end);
  if (is_integer()) {
    pack_integers(weights, layout, pool, staged);
  } else {
    pack_floats(weights, pool, staged);
  }
  std::ranges::copy(std::as_bytes(std::span(weights.bias)),
                    staged.begin() + static_cast<std::ptrdiff_t>(layout.bias));
  std::ranges::copy(std::as_bytes(std::span(weights.input_order)),
                    staged.begin() + static_cast<std::ptrdiff_t>(layout.order));
  memory_ = arena.allocate(layout.end, weights.name.c_str());
  uploads.send(memory_.data(), arena.stream());
  bytes = static_cast<std::int64_t>(layout.bias);
  const std::byte* const device = memory_.data();
  tiled_.data = device;
  if (is_integer()) {
    tiled_.scale = device + layout.scales;
    if (weights.integers.zero_points)
      tiled_.zero = reinterpret_cast<const std::uint8_t*>(device + layout.zeros);
  }
  if (!weights.bias.empty()) tiled_.bias = reinterpret_cast<const float*>(device + layout.bias);
  if (!weights.input_order.empty())
    input_order_ = reinterpret_cast<const std::int32_t*>(device + layout.order);
  choice = !is_integer() ? (is_bf16() ? "few rows: rows of bf16 on tensor cores; many: cuBLASLt" : "cuBLASLt")
           : int8_activations_ ? "tiles of integers on tensor cores, many rows in int8"
                               : "tiles of integers on tensor cores";
}

CudaLinear::Layout CudaLinear::lay_out(const LinearWeights& weights) const {
  constexpr std::size_t kAlignment = 128;
  Layout layout;
  const auto take = [&](std::size_t& begin, std::size_t size) {
    begin = layout.end;
    layout.end += (size + kAlignment - 1) / kAlignment * kAlignment;
  };
  const std::size_t elements = tiled_.n * tiled_.k;
  const std::size_t scales = is_integer() ? kernels::tiled_scale_count(tiled_.n, tiled_.groups) : 0;
  take(layout.values, is_integer() ? kernels::tiled_bytes(tiled_.type, tiled_.n, tiled_.k)
                                   : elements * kernels::weight_bits(tiled_.type) / 8);
  take(layout.scales, scales * kernels::scale_size(tiled_.scale_type));
  take(layout.zeros, weights.integers.zero_points ? scales : 0);
  take(layout.bias, weights.bias.size() * sizeof(float));
  take(layout.order, weights.input_order.size() * sizeof(std::int32_t));
  return layout;
}

void CudaLinear::pack_integers(const LinearWeights& weights, const Layout& layout, core::ThreadPool& pool,
                               std::span<std::byte> to) const {
  std::memset(to.data() + layout.scales, 0, layout.bias - layout.scales);  // of outputs that only pad
  pool.run([&] {
    pool.parallel_ranges(kernels::strip_count(tiled_.n), [&](std::size_t begin, std::size_t end) {
      std::vector<std::uint8_t> values(kStripOutputs * tiled_.k), zeros(kStripOutputs * tiled_.groups);
      std::vector<float> scales(kStripOutputs * tiled_.groups), row;
      const IntegerTile tile{values.data(), scales.data(),
                             weights.integers.zero_points ? zeros.data() : nullptr};
      for (std::size_t strip = begin; strip < end; ++strip)
        pack_strip(weights, layout, static_cast<std::int64_t>(strip * kStripOutputs), to.data(), tile, row);
    });
  });
}

void CudaLinear::pack_strip(const LinearWeights& weights, const Layout& layout, std::int64_t first,
                            std::byte* to, IntegerTile tile, std::vector<float>& row) const {
  const std::int64_t taken = std::min(static_cast<std::int64_t>(kStripOutputs), rows - first);
  read_integer_rows(weights, first, taken, row, tile);
  kernels::PackStripArgs args;
  args.values = tile.values;
  args.rows = count(taken);
  args.k = tiled_.k;
  args.type = tiled_.type;
  args.data =
      reinterpret_cast<std::uint32_t*>(to + kernels::tiled_bytes(tiled_.type, count(first), tiled_.k));
  kernels::cuda::pack_strip(args);
  const std::size_t groups = tiled_.groups;
  for (std::size_t output = 0; output < count(taken); ++output) {
    for (std::size_t group = 0; group < groups; ++group) {
      const std::size_t at = kernels::tiled_scale_index(groups, count(first) + output, group);
      store_scale(tiled_.scale_type, tile.scales[output * groups + group], to + layout.scales, at);
      if (tile.zeros != nullptr) to[layout.zeros + at] = std::byte{tile.zeros[output * groups + group]};
    }
  }
}

void CudaLinear::pack_floats(const LinearWeights& weights, core::ThreadPool& pool,
                             std::span<std::byte> to) const {
  const DType stored = weights.parts.front().dtype, kept = is_bf16() ? DType::bf16 : DType::f32;
  const std::size_t width = tiled_.k, row_bytes = width * dtype_size(kept);
  pool.run([&] {
    pool.parallel_ranges(tiled_.n, [&](std::size_t begin, std::size_t end) {
      std::vector<float> values(width);
      std::byte* row = to.data() + begin * row_bytes;
      const auto convert = [&](const WeightRows& part, std::int64_t index) {
        if (stored == kept) {
          std::memcpy(row, part.data + count(index) * row_bytes, row_bytes);
        } else {
          read_float_row(part, index, values);
          auto* const halves = reinterpret_cast<std::uint16_t*>(row);
          if (kept == DType::f32) {
            std::memcpy(row, values.data(), row_bytes);
          } else {
            std::ranges::transform(values, halves, kernels::f32_to_bf16);
          }
        }
        row += row_bytes;
      };
      for_each_row(weights, static_cast<std::int64_t>(begin), static_cast<std::int64_t>(end - begin),
                   convert);
    });
  });
}

}  // namespace transom::backend
