// SPDX-License-Identifier: Apache-2.0
/// The one place that decides how far a kernel may be from the reference.
///
/// A sum of `length` products whose magnitudes add up to `magnitude`, one operand of each having been rounded
/// with unit round-off u, errs by at most about (length * 2^-24 + u) * magnitude. Errors are independent in
/// practice, so the length enters by its square root, with a factor of 4 to spare.
#pragma once

#include <cmath>
#include <cstddef>
#include <string>

namespace transom::testing {

/// What one operand of a product is rounded to on the way: nothing less than f32, or bf16.
enum class Rounding { f32, bf16 };

/// The largest relative error of rounding to nearest: 2^-p where p bits are kept, of which bf16 has 8.
inline double unit_roundoff(Rounding rounding) { return rounding == Rounding::f32 ? 0x1p-24 : 0x1p-8; }

/// length: terms of the sum (1 for element-wise ops). magnitude: sum of |terms|, or the largest |value| that
/// takes part.
inline double tolerance(std::size_t length, double magnitude, Rounding rounding) {
  const double sums = 4 * std::sqrt(static_cast<double>(length) + 1) * 0x1p-24;
  // f32 kernels round a few times more: scales, biases, results.
  return (sums + unit_roundoff(rounding) * (rounding == Rounding::f32 ? 4 : 1)) * magnitude;
}

/// Whether `actual` is `expected` within `allowed`. False for a NaN or an infinity on either side, and for an
/// `allowed` that is negative or not finite: such an expectation tests nothing.
inline bool close(double actual, double expected, double allowed) {
  if (!std::isfinite(actual) || !std::isfinite(expected) || !std::isfinite(allowed) || allowed < 0)
    return false;
  return std::fabs(actual - expected) <= allowed;
}

}  // namespace transom::testing
