// SPDX-License-Identifier: Apache-2.0
// The arithmetic of rows of bytes with a scale: symmetric int8, contract at QuantizeRowsArgs in
// linear_args.h, and e4m3, in e4m3.h. Every quotient and product is rounded as there, so that the bytes are
// those of every other variant.
#pragma once

#include <math.h>
#include <stdint.h>

#include "kernels/common/e4m3.h"
#include "kernels/common/linear_args.h"
#include "kernels/cuda/ptx.cuh"

namespace transom::kernels::cuda {

/// |x| as bits, which order as the numbers do, infinity and then NaN above all.
__device__ __forceinline__ uint32_t magnitude_bits(float x) { return float_as_bits(x) & 0x7fffffffu; }
__device__ __forceinline__ uint32_t larger(uint32_t a, uint32_t b) { return a > b ? a : b; }

__device__ __forceinline__ uint32_t warp_largest(uint32_t bits) {
#pragma unroll
  for (int mask = kWarpLanes / 2; mask > 0; mask /= 2) bits = larger(bits, shuffle_xor(bits, mask));
  return bits;
}

/// What turns a row into integers: factor 0 makes zeros of it.
struct RowScale {
  float factor, scale;
};
__device__ __forceinline__ RowScale row_scale(uint32_t largest_bits) {
  constexpr uint32_t kInfinity = 0x7f800000u, kNan = 0x7fc00000u;
  if (largest_bits >= kInfinity) return {0.0f, bits_as_float(kNan)};
  const float largest = bits_as_float(largest_bits);
  if (largest < kSmallestRowMaximum) return {0.0f, 0.0f};
  return {127.0f / largest, largest / 127.0f};
}

/// The same of e4m3.
__device__ __forceinline__ RowScale e4m3_scale(uint32_t largest_bits) {
  const RowScale row = row_scale(largest_bits);
  if (row.factor == 0.0f) return row;
  const E4m3RowScale powers = e4m3_row_scale(largest_bits);
  return {bits_as_float(powers.factor), bits_as_float(powers.scale)};
}

/// In [-127, 127]. A row without scale may hold NaNs, which are 0 as well.
__device__ __forceinline__ int32_t quantized(float x, const RowScale& row) {
  return row.factor == 0.0f ? 0 : round_to_int(x * row.factor);
}
/// The byte of an e4m3.
__device__ __forceinline__ int32_t rounded_e4m3(float x, const RowScale& row) {
  return row.factor == 0.0f ? 0 : e4m3_of_bits(float_as_bits(x * row.factor));
}
/// Four integers as bytes, the first lowest.
__device__ __forceinline__ uint32_t pack_s8x4(int32_t a, int32_t b, int32_t c, int32_t d) {
  const uint32_t low = byte_permute(static_cast<uint32_t>(a), static_cast<uint32_t>(b), 0x0040u);
  const uint32_t high = byte_permute(static_cast<uint32_t>(c), static_cast<uint32_t>(d), 0x0040u);
  return byte_permute(low, high, 0x5410u);
}

}  // namespace transom::kernels::cuda
