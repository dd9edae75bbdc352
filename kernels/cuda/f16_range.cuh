// SPDX-License-Identifier: Apache-2.0
// Powers of two that bring the activations of a row into the range of f16.
#pragma once

#include "kernels/cuda/ptx.cuh"

namespace transom::kernels::cuda {

/// |value| as bits, whose order is that of the magnitudes; a NaN is above all.
__device__ __forceinline__ unsigned magnitude_bits(float value) { return float_as_bits(value) & 0x7fffffffu; }

__device__ __forceinline__ unsigned warp_max(unsigned value) {
#pragma unroll
  for (int mask = kWarpLanes / 2; mask > 0; mask /= 2) value = max(value, shuffle_xor(value, mask));
  return value;
}

/// The largest value, of exponent e, shall come to [2^14, 2^15), half of the greatest f16. e is taken as -112
/// at the least, so that factor and multiplier are both normal numbers: rows below that lose bits.
constexpr unsigned kLeastBiasedExponent = 15;
constexpr unsigned kBiasedTarget = 127 + 14;

/// What a row is multiplied with. most: magnitude_bits of its largest value.
__device__ __forceinline__ float f16_multiplier(unsigned most) {
  const unsigned exponent = max(most >> 23, kLeastBiasedExponent);
  return exponent == 255 ? 0.0f : bits_as_float((kBiasedTarget + 127 - exponent) << 23);
}
/// And its inverse; NaN of a row that holds a NaN or an infinity.
__device__ __forceinline__ float f16_factor(unsigned most) {
  const unsigned exponent = max(most >> 23, kLeastBiasedExponent);
  return exponent == 255 ? bits_as_float(0x7fffffffu)
                         : bits_as_float((exponent - (kBiasedTarget - 127)) << 23);
}

}  // namespace transom::kernels::cuda
