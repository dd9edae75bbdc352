// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <vector>

#include "backend/ops.h"
#include "backend/registry.h"
#include "core/quantization_grid.h"
#include "tests/kernels/support.h"
#include "tests/support/catch.h"
#include "tests/support/throws.h"
#include "transom/error.h"

namespace transom::testing {
namespace {

using backend::IntegerFormat;
using backend::IntegerTile;
using backend::LinearWeights;
using backend::WeightFormat;
using core::TensorView;

std::shared_ptr<backend::Backend> two_threads() { return backend::open_backend("cpu", {.threads = 2}); }

/// Random integers in a format, and the numbers that they stand for.
struct Integers {
  Integers(const IntegerFormat& format_, std::int64_t rows_, std::int64_t cols_, std::uint64_t seed)
      : format(format_),
        rows(rows_),
        cols(cols_),
        groups(format.groups(cols)),
        values(static_cast<std::size_t>(rows * cols)),
        zeros(static_cast<std::size_t>(rows * groups)),
        scales(static_cast<std::size_t>(rows * groups)) {
    Random random(seed);
    const auto below = [&](int bound) {
      return static_cast<std::uint8_t>((random.next() * 0.5f + 0.5f) * static_cast<float>(bound));
    };
    for (std::uint8_t& q : values) q = below(1 << format.bits);
    for (std::uint8_t& zero : zeros)
      zero = format.zero_points ? below(1 << format.bits) : static_cast<std::uint8_t>(1 << (format.bits - 1));
    for (float& scale : scales)
      scale = core::round_scale((random.next() + 1.5f) / static_cast<float>(1 << format.bits),
                                format.scale_dtype);
  }

  float value(std::int64_t row, std::int64_t col) const {
    const std::int64_t size = format.group_size == 0 ? cols : format.group_size;
    const auto group = static_cast<std::size_t>(row * groups + col / size);
    const int q = values[static_cast<std::size_t>(row * cols + col)];
    return scales[group] * static_cast<float>(q - zeros[group]);
  }

  backend::WeightRows part() const {
    backend::WeightRows part;
    part.rows = rows;
    part.integers = [this](std::int64_t first, std::int64_t count, const IntegerTile& tile) {
      std::copy_n(values.data() + first * cols, count * cols, tile.values);
      std::copy_n(scales.data() + first * groups, count * groups, tile.scales);
      REQUIRE((tile.zeros != nullptr) == format.zero_points);
      if (tile.zeros != nullptr) std::copy_n(zeros.data() + first * groups, count * groups, tile.zeros);
    };
    return part;
  }

  IntegerFormat format;
  std::int64_t rows, cols, groups;
  std::vector<std::uint8_t> values, zeros;
  std::vector<float> scales;
};

std::vector<float> multiply(backend::Backend& device, const backend::PreparedLinear& linear,
                            std::vector<float>& src, std::int64_t rows) {
  std::vector<float> dst(static_cast<std::size_t>(rows * linear.rows));
  device.execute([&] {
    backend::ops::linear(device, linear, TensorView::dense(src.data(), DType::f32, {rows, linear.cols}),
                         TensorView::dense(dst.data(), DType::f32, {rows, linear.rows}));
  });
  return dst;
}

/// Largest difference to the plain product, over its largest value.
template <typename Value>
double error_of_product(const std::vector<float>& actual, const std::vector<float>& src, std::int64_t rows,
                        std::int64_t outs, std::int64_t cols, const Value& value) {
  double worst = 0, largest = 0;
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t o = 0; o < outs; ++o) {
      double sum = 0;
      for (std::int64_t i = 0; i < cols; ++i)
        sum += static_cast<double>(src[static_cast<std::size_t>(r * cols + i)]) *
               static_cast<double>(value(o, i));
      largest = std::max(largest, std::fabs(sum));
      worst = std::max(worst,
                       std::fabs(sum - static_cast<double>(actual[static_cast<std::size_t>(r * outs + o)])));
    }
  }
  return worst / largest;
}

std::vector<float> random_floats(std::int64_t count, std::uint64_t seed) {
  std::vector<float> values(static_cast<std::size_t>(count));
  Random(seed).fill(values.data(), values.size());
  return values;
}

}  // namespace

TEST_CASE("linear: stacked parts of integers multiply what they stand for") {
  const auto device = two_threads();
  for (const int bits : {8, 4, 3, 2}) {
    for (const bool zeros : {false, true}) {
      for (const DType scales : {DType::f32, DType::f16, DType::bf16}) {
        const std::int64_t cols = 200, group = bits == 8 ? 0 : 64;
        const IntegerFormat format{bits, group, zeros, scales};
        const Integers first(format, 70, cols, 1), second(format, 33, cols, 2);
        LinearWeights weights;
        weights.name = "test";
        weights.parts = {first.part(), second.part()};
        weights.cols = cols;
        weights.format = WeightFormat::integer;
        weights.integers = format;
        const auto value = [&](std::int64_t o, std::int64_t i) {
          return o < 70 ? first.value(o, i) : second.value(o - 70, i);
        };
        for (const bool exact : {true, false}) {
          weights.activations = exact ? backend::ActivationFormat::f32 : backend::ActivationFormat::automatic;
          const auto linear = device->prepare_linear(weights);
          CHECK(linear->rows == 103);
          for (const std::int64_t rows : {1, 4, 9}) {
            std::vector<float> src = random_floats(rows * cols, 5);
            const auto product = multiply(*device, *linear, src, rows);
            INFO(linear->choice << " rows " << rows << " bits " << bits);
            CHECK(error_of_product(product, src, rows, 103, cols, value) < (exact ? 1e-6 : 0.01));
          }
        }
      }
    }
  }
}

TEST_CASE("linear: inputs in another order than the activations") {
  const auto device = two_threads();
  const std::int64_t cols = 96;
  const IntegerFormat format{4, 32, true, DType::f16};
  const Integers integers(format, 65, cols, 3);
  LinearWeights weights;
  weights.parts = {integers.part()};
  weights.cols = cols;
  weights.format = WeightFormat::integer;
  weights.integers = format;
  weights.activations = backend::ActivationFormat::f32;
  std::vector<std::int32_t> order(static_cast<std::size_t>(cols));
  std::iota(order.begin(), order.end(), 0);
  std::rotate(order.begin(), order.begin() + 17, order.end());
  std::swap(order[3], order[80]);
  weights.input_order = order;
  std::vector<std::int64_t> place(order.size());  // of an activation among the inputs of the weight
  for (std::size_t i = 0; i < order.size(); ++i)
    place[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(i);
  const auto linear = device->prepare_linear(weights);
  for (const std::int64_t rows : {1, 7}) {
    std::vector<float> src = random_floats(rows * cols, 6);
    const auto product = multiply(*device, *linear, src, rows);
    CHECK(error_of_product(product, src, rows, 65, cols, [&](std::int64_t o, std::int64_t i) {
            return integers.value(o, place[static_cast<std::size_t>(i)]);
          }) < 1e-6);
  }
}

TEST_CASE("linear: floats round to the grid of their group") {
  const auto device = two_threads();
  const std::int64_t rows = 66, cols = 130;
  const std::vector<float> values = random_floats(rows * cols, 9);
  for (const int bits : {8, 4, 3, 2}) {
    for (const bool zeros : {false, true}) {
      LinearWeights weights;
      backend::WeightRows part;
      part.data = reinterpret_cast<const std::byte*>(values.data());
      part.rows = rows;
      weights.parts = {part};
      weights.cols = cols;
      weights.format = WeightFormat::integer;
      weights.integers = {bits, 32, zeros, DType::f16};
      weights.activations = backend::ActivationFormat::f32;
      const auto linear = device->prepare_linear(weights);
      // The product with a unit vector is a column of the weight.
      std::vector<float> unit(static_cast<std::size_t>(cols), 0.0f);
      for (const std::int64_t column : {0, 31, 32, 129}) {
        std::fill(unit.begin(), unit.end(), 0.0f);
        unit[static_cast<std::size_t>(column)] = 1;
        const auto actual = multiply(*device, *linear, unit, 1);
        for (std::int64_t row = 0; row < rows; ++row) {
          const std::int64_t begin = column / 32 * 32, end = std::min(begin + 32, cols);
          const std::span<const float> group(values.data() + row * cols + begin,
                                             static_cast<std::size_t>(end - begin));
          const core::QuantizationGrid grid =
              core::fit_grid(group, {bits, zeros, DType::f16, core::closest_range(bits)});
          std::uint8_t q = 0;
          core::to_grid(group.subspan(static_cast<std::size_t>(column - begin), 1), grid, bits, &q);
          CHECK(actual[static_cast<std::size_t>(row)] == core::from_grid(q, grid));
        }
      }
    }
  }
}

TEST_CASE("linear: what no kernel takes is refused") {
  const auto device = two_threads();
  LinearWeights weights;
  weights.name = "layer.q";
  weights.format = WeightFormat::integer;
  weights.cols = 64;
  weights.integers.bits = 5;
  CHECK(contains(error_of<UnsupportedError>([&] { device->prepare_linear(weights); }),
                 "layer.q: integers of 5 bits"));
  weights.integers.bits = 8;
  weights.cols = 65536;
  CHECK(contains(error_of<UnsupportedError>([&] { device->prepare_linear(weights); }),
                 "65536 inputs share a scale"));
}

}  // namespace transom::testing
