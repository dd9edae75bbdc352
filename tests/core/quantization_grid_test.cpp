// SPDX-License-Identifier: Apache-2.0
#include "core/quantization_grid.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/float_convert.h"
#include "tests/support/catch.h"

namespace transom::testing {

using core::fit_grid;
using core::from_grid;
using core::QuantizationGrid;

TEST_CASE("grid: scales round to the nearest number of their dtype") {
  for (std::uint32_t bits = 1; bits < 0x7c00u; ++bits) {
    const float half = core::small_float(bits, 5, 10, false),
                next = core::small_float(bits + 1, 5, 10, false);
    REQUIRE(core::round_scale(half, DType::f16) == half);
    if (bits + 1 == 0x7c00u) break;
    REQUIRE(core::round_scale((half + next) / 2, DType::f16) == ((bits & 1u) == 0 ? half : next));
    REQUIRE(core::round_scale(half + (next - half) * 0.6f, DType::f16) == next);
  }
  CHECK(core::round_scale(1e6f, DType::f16) == 65504.0f);
  CHECK(core::round_scale(1e-12f, DType::f16) == 0x1p-24f);
  CHECK(core::round_scale(1.0f + 0x1p-8f, DType::bf16) == 1.0f);
  CHECK(core::round_scale(1.0f + 0x1.8p-7f, DType::bf16) == 1.0f + 0x1p-6f);
  CHECK(core::round_scale(0.1f, DType::f32) == 0.1f);
}

TEST_CASE("grid: a symmetric grid has its zero in the middle, an asymmetric one both ends") {
  const std::vector<float> values{-0.5f, 0.25f, 1.0f, 0.0f};
  const QuantizationGrid symmetric = fit_grid(values, {4, false, DType::f32});
  CHECK(symmetric.zero == 8);
  CHECK(symmetric.scale == 2.0f / 15.0f);
  const QuantizationGrid whole = fit_grid(values, {4, false, DType::f32, core::SymmetricRange::whole});
  CHECK(whole.scale == 1.0f / 7.0f);
  const QuantizationGrid negative =
      fit_grid(values, {4, false, DType::f32, core::SymmetricRange::signed_scale});
  CHECK(negative.scale == -0.125f);  // the largest is positive and becomes the lowest integer
  CHECK(from_grid(0, negative) == 1.0f);
  const QuantizationGrid asymmetric = fit_grid(values, {4, true, DType::f32});
  CHECK(asymmetric.scale == 0.1f);
  CHECK(asymmetric.zero == 5);
  const QuantizationGrid positive = fit_grid(std::vector<float>{2.0f, 3.0f}, {2, true, DType::f32});
  CHECK(positive.scale == 1.0f);  // the range includes 0
  CHECK(positive.zero == 0);
  CHECK(fit_grid(std::vector<float>{0.0f, 0.0f}, {8, true, DType::f16}).scale == 1.0f);
}

TEST_CASE("grid: values go to the nearest integer, half to even, and stay on the grid") {
  const QuantizationGrid grid{0.5f, 8};
  const std::vector<float> values{0.0f, 0.24f, 0.25f, 0.26f, 0.75f, -0.25f, -0.75f, 100.0f, -1e30f, 1e30f};
  std::vector<std::uint8_t> q(values.size());
  core::to_grid(values, grid, 4, q.data());
  CHECK(q == std::vector<std::uint8_t>{8, 8, 8, 9, 10, 8, 6, 15, 0, 15});
  CHECK(from_grid(10, grid) == 1.0f);
  CHECK(from_grid(0, grid) == -4.0f);
}

}  // namespace transom::testing
