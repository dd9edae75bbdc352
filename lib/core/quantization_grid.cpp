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

namespace {

/// The grid from `low` to `high`, which are not both 0.
QuantizationGrid grid_between(float low, float high, const GridOptions& options) {
  const int steps = (1 << options.bits) - 1;
  const auto scale = [&](float range, int n) {
    return round_scale(range / static_cast<float>(n), options.scale_dtype);
  };
  if (options.zero_points) {
    const float step = scale(high - low, steps);
    return {step, std::clamp(static_cast<int>(std::nearbyint(-low / step)), 0, steps)};
  }
  const int middle = 1 << (options.bits - 1);
  const float largest = std::max(high, -low);
  switch (options.range) {
    case SymmetricRange::whole:
      return {scale(largest, middle - 1), middle};
    case SymmetricRange::signed_scale:
      return {scale(largest, middle) * (high > -low ? -1.0f : 1.0f), middle};
    default:
      return {scale(2 * largest, steps), middle};
  }
}

double total_error(std::span<const float> values, const QuantizationGrid& grid, const GridOptions& options) {
  double sum = 0;
  const auto norm = static_cast<float>(options.search_norm);
  for (const float value : values) {
    const float error = std::abs(from_grid(to_grid(value, grid, options.bits), grid) - value);
    sum += static_cast<double>(std::pow(error, norm));
  }
  return sum;
}

}  // namespace

QuantizationGrid fit_grid(std::span<const float> values, const GridOptions& options) {
  float low = 0, high = 0;
  for (const float value : values) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  if (low == high) return {1, 1 << (options.bits - 1)};
  QuantizationGrid best = grid_between(low, high, options);
  if (options.search_norm <= 0) return best;
  double least = total_error(values, best, options);
  constexpr int kSteps = 80;
  for (int step = 1; step < kSteps; ++step) {
    const float part = 1 - static_cast<float>(step) / 100;
    const QuantizationGrid grid = grid_between(part * low, part * high, options);
    const double error = total_error(values, grid, options);
    if (error >= least) continue;
    least = error;
    best = grid;
  }
  return best;
}

namespace {

// Adding and subtracting 1.5 * 2^23 rounds |x| < 2^22 to an integer, half to even, in loops that vectorise;
// the bounds keep x there.
constexpr float kRoundingTerm = 12582912.0f;

/// Written so that a value that is not a number becomes the lowest integer.
inline std::uint8_t nearest(float value, float scale, float zero, float last) {
  float x = value / scale;
  x = x > -zero - 1.0f ? x : -zero - 1.0f;
  x = x < last - zero + 1.0f ? x : last - zero + 1.0f;
  x = x + kRoundingTerm - kRoundingTerm + zero;
  x = x > 0.0f ? x : 0.0f;
  x = x < last ? x : last;
  return static_cast<std::uint8_t>(static_cast<int>(x));
}

}  // namespace

std::uint8_t to_grid(float value, const QuantizationGrid& grid, int bits) {
  return nearest(value, grid.scale, static_cast<float>(grid.zero), static_cast<float>((1 << bits) - 1));
}

void to_grid(std::span<const float> values, const QuantizationGrid& grid, int bits, std::uint8_t* q) {
  const auto zero = static_cast<float>(grid.zero), last = static_cast<float>((1 << bits) - 1);
  for (std::size_t i = 0; i < values.size(); ++i) q[i] = nearest(values[i], grid.scale, zero, last);
}

}  // namespace transom::core
