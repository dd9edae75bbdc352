// SPDX-License-Identifier: Apache-2.0
/// A product of activations and a weight, on the emulated device and by the CPU's reference.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "kernels/common/bf16.h"
#include "kernels/cpu/reference/reference.h"
#include "kernels/cuda/pack_strips.h"
#include "kernels/cuda/tiled_linear_args.h"
#include "tests/cuda_on_host/device_array.h"
#include "tests/kernels/packed_weight.h"
#include "tests/support/tolerance.h"

namespace transom::cuda_on_host {

/// The numbers of a PackedTestWeight on the device: integers in tiles, bf16 row by row.
class TiledTestWeight {
 public:
  explicit TiledTestWeight(const testing::PackedTestWeight& from)
      : data_(pack(from)),
        bias_(std::vector<float>(from.bias.data(), from.bias.data() + from.packed.n)),
        scale_(in_tiles(from.packed, static_cast<const char*>(from.packed.scale),
                        scale_size(from.packed.scale_type))),
        zero_(in_tiles(from.packed, reinterpret_cast<const char*>(from.packed.zero), 1)) {
    const kernels::PackedWeight& packed = from.packed;
    tiled.type = packed.type;
    tiled.n = packed.n;
    tiled.k = packed.k;
    tiled.data = data_.data();
    tiled.bias = bias_.data();
    tiled.group = packed.group;
    tiled.groups = packed.groups;
    tiled.scale_type = packed.scale_type;
    if (packed.scale != nullptr) tiled.scale = scale_.data();
    if (packed.zero != nullptr) tiled.zero = reinterpret_cast<const std::uint8_t*>(zero_.data());
  }
  TiledTestWeight(const TiledTestWeight&) = delete;

  kernels::TiledWeight tiled;

 private:
  static std::vector<std::uint32_t> pack(const testing::PackedTestWeight& from) {
    const std::size_t n = from.packed.n, k = from.packed.k;
    if (from.packed.type == kernels::WeightType::bf16) {
      std::vector<std::uint32_t> words((n * k + 1) / 2);
      for (std::size_t i = 0; i < n * k; ++i)
        words[i / 2] |= std::uint32_t{kernels::f32_to_bf16(from.value(i / k, i % k))} << 16 * (i % 2);
      return words;
    }
    std::vector<std::uint32_t> words(kernels::tiled_bytes(from.packed.type, n, k) / 4);
    const std::size_t strip_words = kernels::tile_count(k) * kernels::tile_bytes(from.packed.type) / 4;
    for (std::size_t strip = 0; strip < kernels::strip_count(n); ++strip) {
      const std::size_t first = strip * 16, rows = std::min<std::size_t>(16, n - first);
      kernels::cuda::pack_strip(
          {from.integers.data() + first * k, rows, k, from.packed.type, words.data() + strip * strip_words});
    }
    return words;
  }

  /// Scales or zero points, `size` bytes each; what belongs to no output is a NaN.
  static std::vector<char> in_tiles(const kernels::PackedWeight& packed, const char* from, std::size_t size) {
    if (from == nullptr) return {};
    std::vector<char> bytes(kernels::tiled_scale_count(packed.n, packed.groups) * size, char(0xff));
    for (std::size_t out = 0; out < packed.n; ++out) {
      for (std::size_t group = 0; group < packed.groups; ++group) {
        std::copy_n(from + ((out / 64 * packed.groups + group) * 64 + out % 64) * size, size,
                    bytes.data() + kernels::tiled_scale_index(packed.groups, out, group) * size);
      }
    }
    return bytes;
  }

  DeviceArray<std::uint32_t> data_;
  DeviceArray<float> bias_;
  DeviceArray<char> scale_, zero_;
};

struct LinearOptions {
  testing::TestGroups groups = {};
  bool plain = false;    ///< activations that bf16 holds exactly
  bool ordered = false;  ///< by an input_order
  bool accumulate = false;
  bool gated = false;
  bool bias = true;
};

class LinearProblem {
 public:
  LinearProblem(
      kernels::WeightType type, std::size_t n, std::size_t k, std::size_t n_rows,
      const LinearOptions& options = {},
      const std::function<void(testing::PackedTestWeight&)>& change = [](testing::PackedTestWeight&) {})
      : weight(type, n, k, 7 + n, options.groups),
        options_((change(weight), options)),
        tiled_(weight),
        columns(options.gated ? n / 2 : n),
        rows(n_rows),
        src_stride(k + 3),
        dst_stride(columns + 5),
        src(n_rows * src_stride) {
    testing::Random random(n * 31 + k * 7 + rows);
    random.fill(src.data(), src.size());
    if (options.plain)
      for (float& value : src) value = kernels::bf16_to_f32(kernels::f32_to_bf16(value));
    order.resize(k);
    std::iota(order.begin(), order.end(), 0);
    if (options.ordered) {
      for (std::size_t i = k; i > 1; --i)
        std::swap(order[i - 1], order[static_cast<std::size_t>((random.next() * 0.5f + 0.5f) * float(i))]);
    }
  }

  /// Calls launch(args) with its arrays on the device; returns dst [rows, columns].
  template <class Launch>
  std::vector<float> run(Launch launch) const {
    const DeviceArray<float> device_src(src, 1);
    const DeviceArray<std::int32_t> device_order(order);
    DeviceArray<float> device_dst(std::vector<float>(rows * dst_stride, kGap), 1);
    std::vector<float> old = device_dst.download();
    for (std::size_t row = 0; row < rows; ++row) std::fill_n(old.begin() + row * dst_stride, columns, kOld);
    device_dst.upload(old);
    kernels::cuda::TiledLinearArgs args;
    args.src = device_src.data();
    args.src_stride = src_stride;
    if (options_.ordered) args.input_order = device_order.data();
    args.weight = tiled_.tiled;
    if (!options_.bias) args.weight.bias = nullptr;
    args.dst = device_dst.data();
    args.dst_stride = dst_stride;
    args.n_rows = rows;
    args.accumulate = options_.accumulate;
    args.gated = options_.gated;
    launch(args);
    std::vector<float> result;
    bool gaps_kept = true;
    const std::vector<float> dst = device_dst.download();
    for (std::size_t i = 0; i < dst.size(); ++i) {
      if (i % dst_stride < columns) {
        result.push_back(dst[i]);
      } else {
        gaps_kept = gaps_kept && dst[i] == kGap;
      }
    }
    CHECK(gaps_kept);
    return result;
  }

  /// The reference: of numbers as they are, or of activations in int8.
  std::vector<float> expected(bool int8_rows = false) const {
    const std::size_t n = weight.packed.n, k = weight.packed.k;
    const std::vector<float> ordered = ordered_src();
    std::vector<float> sums(rows * n);
    std::vector<char> prepared(
        int8_rows ? kernels::reference::linear_integer_prepared_bytes(weight.packed, rows) : 0);
    kernels::LinearArgs args;
    args.src = ordered.data();
    args.src_stride = k;
    args.weight = weight.packed;
    if (!options_.bias) args.weight.bias = nullptr;
    args.dst = sums.data();
    args.dst_stride = n;
    args.n_rows = rows;
    args.panel_end = kernels::panel_count(n);
    args.prepared = prepared.data();
    if (int8_rows) {
      kernels::reference::linear_integer_prepare(args, 0, rows);
      kernels::reference::linear_integer(args);
    } else if (kernels::is_integer(weight.packed.type)) {
      kernels::reference::linear_exact(args);
    } else {
      kernels::reference::linear(args);
    }
    std::vector<float> result;
    for (std::size_t i = 0; i < rows * columns; ++i) {
      float value = sums[i / columns * n + i % columns];
      if (options_.gated)
        value = value / (1 + std::exp(-value)) * sums[i / columns * n + columns + i % columns];
      result.push_back(value + (options_.accumulate ? kOld : 0.0f));
    }
    return result;
  }

  /// What dst may be off, activations having been rounded with this unit round-off.
  double allowed(std::size_t row, std::size_t column, double roundoff) const {
    const double of_sum = error(row, column, roundoff);
    if (!options_.gated) return of_sum;
    // |silu(x)| <= |x| and |silu'| < 1.1.
    const double up = error(row, columns + column, roundoff);
    return 1.1 * of_sum * (magnitude(row, columns + column) + up) + up * magnitude(row, column);
  }

  void check(const std::vector<float>& actual, const std::vector<float>& expected, double roundoff) const {
    REQUIRE(actual.size() == expected.size());
    std::size_t wrong = 0, first = actual.size();
    for (std::size_t i = 0; i < actual.size(); ++i) {
      if (testing::close(double{actual[i]}, double{expected[i]}, allowed(i / columns, i % columns, roundoff)))
        continue;
      if (wrong++ == 0) first = i;
    }
    INFO("n " << weight.packed.n << " k " << weight.packed.k << " rows " << rows << " bits "
              << kernels::weight_bits(weight.packed.type) << " group " << weight.packed.group
              << (weight.packed.zero != nullptr ? " zeros" : "") << ", first wrong: "
              << (wrong > 0 ? actual[first] : 0.0f) << " for " << (wrong > 0 ? expected[first] : 0.0f));
    CHECK(wrong == 0);
  }

  testing::PackedTestWeight weight;

 private:
  static constexpr float kOld = 0.5f, kGap = -77.0f;

  std::vector<float> ordered_src() const {
    std::vector<float> values;
    for (std::size_t row = 0; row < rows; ++row)
      for (const std::int32_t column : order)
        values.push_back(src[row * src_stride + static_cast<std::size_t>(column)]);
    return values;
  }

  /// Sum of |products| of one output.
  double magnitude(std::size_t row, std::size_t out) const {
    double sum = std::fabs(double{weight.bias[out]}) + 1;
    for (std::size_t i = 0; i < weight.packed.k; ++i) {
      const float value = src[row * src_stride + static_cast<std::size_t>(order[i])];
      sum += std::fabs(double{value} * double{weight.value(out, i)});
    }
    return sum;
  }
  double error(std::size_t row, std::size_t out, double roundoff) const {
    const double of_sum = magnitude(row, out);
    return testing::tolerance(weight.packed.k, of_sum, testing::Rounding::f32) + roundoff * of_sum;
  }

  LinearOptions options_;
  TiledTestWeight tiled_;

 public:
  std::size_t columns, rows, src_stride, dst_stride;
  std::vector<float> src;
  std::vector<std::int32_t> order;
};

}  // namespace transom::cuda_on_host
