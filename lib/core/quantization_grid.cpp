// SPDX-License-Identifier: Apache-2.0
#include "core/quantization_grid.h"

#include <algorithm>
#include <cmath>

namespace transom::core {

namespace {

/// value rounded to `mantissa_bits` behind the leading one, half to even, no finer than 2^least_exponent.
float round_mantissa(float value, int mantissa_bits, int least_exponent) {
  int exponent = 0;
  std::frexp(value, &exponent);  // value = m * 2^exponent, m in [0.5, 1)
  const int step = std::max(exponent - 1 - mantissa_bits, least_exponent);
  return std::ldexp(std::nearbyint(std::ldexp(value, -step)), step);
}

}  // namespace

float round_scale(float scale, DType dtype) {
  if (dtype == DType::bf16) return round_mantissa(scale, 7, -133);
  if (dtype != DType::f16) return scale;
  constexpr float kSmallest = 0x1p-24f, kLargest = 65504.0f;
  return std::clamp(round_mantissa(scale, 10, -24), kSmallest, kLargest);
}

QuantizationGrid fit_grid(std::span<const float> values, const GridOptions& options) {
  float low = 0, high = 0;
  for (const float value : values) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  const auto steps = static_cast<float>((1 << options.bits) - 1);
  QuantizationGrid grid;
  grid.zero = 1 << (options.bits - 1);
  if (!options.zero_points) {
    high = std::max(high, -low);
    low = -high;
  }
  if (low == high) return grid;
  grid.scale = round_scale((high - low) / steps, options.scale_dtype);
  if (options.zero_points) {
    grid.zero = std::clamp(static_cast<int>(std::nearbyint(-low / grid.scale)), 0, static_cast<int>(steps));
  }
  return grid;
}

void to_grid(std::span<const float> values, const QuantizationGrid& grid, int bits, std::uint8_t* q) {
  // Adding and subtracting 1.5 * 2^23 rounds |x| < 2^22 to an integer, half to even, in a loop that
  // vectorises; the bounds keep x there.
  constexpr float kRoundingTerm = 12582912.0f;
  const auto zero = static_cast<float>(grid.zero), last = static_cast<float>((1 << bits) - 1);
  const float low = -zero - 1.0f, high = last - zero + 1.0f;
  for (std::size_t i = 0; i < values.size(); ++i) {
    float x = values[i] / grid.scale;
    x = x < low ? low : x;
    x = x > high ? high : x;
    x = x + kRoundingTerm - kRoundingTerm + zero;
    x = x < 0.0f ? 0.0f : x;
    x = x > last ? last : x;
    q[i] = static_cast<std::uint8_t>(static_cast<int>(x));
  }
}

}  // namespace transom::core
