// SPDX-License-Identifier: Apache-2.0
/// Conversions between f32 and the two half-width formats, as bits.
#pragma once

#include <stdint.h>
#include <string.h>

namespace transom::kernels {

inline float bits_to_f32(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

inline uint32_t f32_to_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

inline float bf16_to_f32(uint16_t bits) { return bits_to_f32(static_cast<uint32_t>(bits) << 16); }

/// Rounds to nearest even. A NaN stays a (quiet) NaN: adding the rounding term could carry it into infinity.
inline uint16_t f32_to_bf16(float value) {
  const uint32_t bits = f32_to_bits(value);
  const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const uint32_t quiet_nan = (bits >> 16) | 0x40u;
  return static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? quiet_nan : rounded);
}

/// Rounds to nearest even; beyond the range to infinity. Subnormal halves come from adding 0.5, whose last
/// bit in f32 is 2^-24, the last bit of a subnormal half.
inline uint16_t f32_to_f16(float value) {
  const uint32_t bits = f32_to_bits(value), sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
  uint32_t half = 0x7e00u;  // not a number
  if (magnitude <= 0x7f800000u) half = 0x7c00u;
  if (magnitude < 0x477ff000u) half = (magnitude + 0xfffu + (magnitude >> 13 & 1u) - 0x38000000u) >> 13;
  if (magnitude < 0x38800000u) half = f32_to_bits(bits_to_f32(magnitude) + 0.5f) - 0x3f000000u;
  return static_cast<uint16_t>(sign | half);
}

/// Exact for all inputs, subnormal halves included: they are scaled by 2^112 as a normal f32 multiplication.
inline float f16_to_f32(uint16_t bits) {
  const uint32_t magnitude = static_cast<uint32_t>(bits & 0x7fffu) << 13;
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
  const uint32_t scaled = f32_to_bits(bits_to_f32(magnitude) * 0x1p112f);
  const bool not_finite = (bits & 0x7c00u) == 0x7c00u;
  return bits_to_f32(sign | (not_finite ? magnitude | 0x7f800000u : scaled));
}

}  // namespace transom::kernels
