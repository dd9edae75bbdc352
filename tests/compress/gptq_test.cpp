// SPDX-License-Identifier: Apache-2.0
#include "compress/gptq.h"

#include <cmath>
#include <limits>
#include <random>

#include "compress/round_to_nearest.h"
#include "core/count.h"
#include "tests/support/catch.h"
#include "tests/support/throws.h"
#include "transom/error.h"

namespace transom::compress {
namespace {

using core::count;
using transom::testing::contains;
using transom::testing::error_of;

constexpr std::int64_t kRows = 70, kCols = 200, kTokens = 300;  // two slabs, two blocks, both with a rest

struct Layer {
  std::vector<float> weight, inputs;

  explicit Layer(unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    for (std::int64_t i = 0; i < kRows * kCols; ++i) weight.push_back(0.1f * normal(random));
    float previous = 0;  // neighbours resemble each other: that is what GPTQ can use
    for (std::int64_t i = 0; i < kTokens * kCols; ++i) {
      previous = 0.9f * previous + normal(random);
      inputs.push_back(previous);
    }
  }

  std::vector<float> hessian() const {
    std::vector<float> h(count(kCols * kCols));
    for (std::int64_t i = 0; i < kCols; ++i) {
      for (std::int64_t j = 0; j < kCols; ++j) {
        double sum = 0;
        for (std::int64_t t = 0; t < kTokens; ++t)
          sum += static_cast<double>(inputs[count(t * kCols + i)]) *
                 static_cast<double>(inputs[count(t * kCols + j)]);
        h[count(i * kCols + j)] = static_cast<float>(2 * sum / kTokens);
      }
    }
    return h;
  }
};

/// |X (W - Q)^T|^2 / |X W^T|^2
double output_error(const Layer& layer, const QuantizedMatrix& matrix) {
  double error = 0, all = 0;
  std::vector<float> row(count(kCols));
  for (std::int64_t o = 0; o < kRows; ++o) {
    matrix.dequantize_row(o, row);
    for (std::int64_t t = 0; t < kTokens; ++t) {
      double y = 0, difference = 0;
      for (std::int64_t i = 0; i < kCols; ++i) {
        const auto x = static_cast<double>(layer.inputs[count(t * kCols + i)]);
        const float w = layer.weight[count(o * kCols + i)];
        y += x * static_cast<double>(w);
        difference += x * static_cast<double>(w - row[count(i)]);
      }
      error += difference * difference;
      all += y * y;
    }
  }
  return error / all;
}

MatrixOptions four_bits(std::int64_t group_size) {
  MatrixOptions options;
  options.grid.bits = 4;
  options.grid.scale_dtype = DType::f16;
  options.group_size = group_size;
  return options;
}

GptqResult quantize(const Layer& layer, const MatrixOptions& options, int threads = 1) {
  core::ThreadPool pool(threads, false);
  return Gptq(layer.hessian(), kCols, options, pool, "layer").quantize(layer.weight, kRows);
}

}  // namespace

TEST_CASE("GPTQ halves the error of rounding to nearest on correlated inputs, and tells it") {
  const Layer layer(1);
  core::ThreadPool pool(2, false);
  for (const std::int64_t group : {-1, 32, 128}) {
    const MatrixOptions options = four_bits(group);
    const GptqResult result = quantize(layer, options);
    const double error = output_error(layer, result.matrix);
    CHECK(error < 0.5 * output_error(layer, round_to_nearest(layer.weight, kRows, kCols, options, pool)));
    CHECK(std::abs(result.output_error / error - 1) < 1e-3);
    CHECK(result.damping == 0.05);
  }
}

TEST_CASE("the result of GPTQ does not depend on the number of threads") {
  const Layer layer(2);
  MatrixOptions options = four_bits(32);
  options.act_order = true;
  const QuantizedMatrix one = quantize(layer, options, 1).matrix, three = quantize(layer, options, 3).matrix;
  CHECK(one.values == three.values);
  CHECK(one.scales == three.scales);
  CHECK(one.group_of == three.group_of);
}

TEST_CASE("scales are numbers that the file's dtype holds") {
  const Layer layer(3);
  for (const float scale : quantize(layer, four_bits(32)).matrix.scales)
    CHECK(core::round_scale(scale, DType::f16) == scale);
}

TEST_CASE("act-order settles large inputs first, and static groups stay with their neighbours") {
  Layer layer(4);
  for (std::int64_t t = 0; t < kTokens; ++t) {
    for (std::int64_t i = 0; i < 32; ++i) layer.inputs[count(t * kCols + 150 + i)] *= 10;
  }
  MatrixOptions options = four_bits(32);
  options.act_order = true;
  const QuantizedMatrix dynamic = quantize(layer, options).matrix;
  for (std::size_t i = 150; i < 182; ++i) CHECK(dynamic.group_of[i] == 0);
  options.static_groups = true;
  const QuantizedMatrix fixed = quantize(layer, options).matrix;
  for (std::size_t i = 0; i < count(kCols); ++i)
    CHECK(fixed.group_of[i] == static_cast<std::int32_t>(i / 32));
}

TEST_CASE("an input that is always 0 gets weight 0 and does no harm") {
  Layer layer(5);
  for (std::int64_t t = 0; t < kTokens; ++t) layer.inputs[count(t * kCols + 42)] = 0;
  const GptqResult result = quantize(layer, four_bits(32));
  for (std::int64_t row = 0; row < kRows; ++row) CHECK(result.matrix.values[count(row * kCols + 42)] == 8);
  CHECK(result.output_error < 0.02);

  const std::vector<float> nothing(count(kCols * kCols));  // a layer that never sees anything
  core::ThreadPool pool(1, false);
  const GptqResult silent = Gptq(nothing, kCols, four_bits(32), pool, "layer").quantize(layer.weight, kRows);
  CHECK(silent.output_error == 0);
}

TEST_CASE("damping grows until the Hessian can be factored, and a hopeless one is an error") {
  const Layer layer(6);
  core::ThreadPool pool(1, false);
  const auto run = [&](std::vector<float> hessian) {
    return Gptq(std::move(hessian), kCols, four_bits(32), pool, "layers.3.down_proj")
        .quantize(layer.weight, kRows);
  };
  std::vector<float> hessian(count(kCols * kCols));
  for (std::int64_t i = 0; i < kCols; ++i) hessian[count(i * kCols + i)] = 1;
  hessian[1] = hessian[count(kCols)] = 1.2f;  // eigenvalue -0.2
  CHECK(run(hessian).damping > 0.2);
  CHECK(run(hessian).damping < 0.22);

  hessian[1] = hessian[count(kCols)] = 3;
  CHECK(contains(error_of<FormatError>([&] { run(hessian); }),
                 "layers.3.down_proj: expected a positive definite Hessian"));
  for (const float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    hessian[1] = hessian[count(kCols)] = bad;
    CHECK(contains(error_of<FormatError>([&] { run(hessian); }), "positive definite"));
    std::vector<float> diagonal = layer.hessian();
    diagonal[0] = bad;
    CHECK(contains(error_of<FormatError>([&] { run(diagonal); }), "positive definite"));
  }
}

TEST_CASE("the search over grids lowers the error that it measures") {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  std::vector<float> values;
  for (int i = 0; i < 64; ++i) values.push_back(normal(random));
  values[5] = 6;  // worth cutting
  for (const bool zero_points : {false, true}) {
    core::GridOptions options;
    options.bits = 4;
    options.zero_points = zero_points;
    const auto error = [&](const core::QuantizationGrid& grid) {
      double sum = 0;
      for (const float value : values)
        sum += std::pow(
            std::abs(static_cast<double>(core::from_grid(core::to_grid(value, grid, 4), grid) - value)), 2.4);
      return sum;
    };
    const double plain = error(core::fit_grid(values, options));
    options.search_norm = 2.4;
    CHECK(error(core::fit_grid(values, options)) < plain);
  }
}

}  // namespace transom::compress
