// SPDX-License-Identifier: Apache-2.0
/// Grids of integers for groups of weights: w ~ scale * (q - zero), q in [0, 2^bits).
#pragma once

#include <cstdint>
#include <span>

#include "transom/dtype.h"

namespace transom::core {

struct QuantizationGrid {
  float scale = 1;  // not 0
  int zero = 0;
};

/// How a symmetric grid, whose integers reach one step further down than up, holds values between -max|w| and
/// max|w|.
enum class SymmetricRange {
  cut,           ///< a step of 2 max|w| / (2^bits - 1), as the reference code: +max|w| is cut by half a step
  whole,         ///< a step of max|w| / (2^(bits-1) - 1): both fit, the lowest integer is not used
  signed_scale,  ///< a step of max|w| / 2^(bits-1), with the sign that gives the largest |w| the lowest
                 ///< integer
};

/// The range that loses least: half a step more is much of 16 levels, and nothing of 256, where cutting one
/// end costs more.
constexpr SymmetricRange closest_range(int bits) {
  return bits < 8 ? SymmetricRange::signed_scale : SymmetricRange::whole;
}

struct GridOptions {
  int bits = 8;                    // 2 to 8
  bool zero_points = false;        // false: zero is 2^(bits - 1)
  DType scale_dtype = DType::f32;  // scales are rounded to it: f32, f16 or bf16
  SymmetricRange range = SymmetricRange::cut;
  /// Above 0: the ends are drawn in, 1 % a step down to 21 %, to where the sum of |error|^norm is least (the
  /// reference code of GPTQ takes 2.4). 0: the grid reaches the largest value.
  double search_norm = 0;
};

/// The grid whose ends are the largest and smallest of `values` and 0, as GPTQ chooses it (Frantar et al.
/// 2022, quant.py of its reference code). Values that are all
/// zero get a scale of 1.
QuantizationGrid fit_grid(std::span<const float> values, const GridOptions& options);

/// The integer nearest to a value, half to even.
std::uint8_t to_grid(float value, const QuantizationGrid& grid, int bits);
/// The same of several; q has as many elements as `values`.
void to_grid(std::span<const float> values, const QuantizationGrid& grid, int bits, std::uint8_t* q);
inline float from_grid(std::uint8_t q, const QuantizationGrid& grid) {
  return grid.scale * static_cast<float>(static_cast<int>(q) - grid.zero);
}

/// The nearest number that the dtype (f32, f16, bf16) holds; a positive value does not become 0.
float round_scale(float scale, DType dtype);

}  // namespace transom::core
