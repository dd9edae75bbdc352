// SPDX-License-Identifier: Apache-2.0
/// The 8-bit float e4m3 ("fp8"): a sign, 4 bits of exponent with bias 7, 3 of mantissa; subnormals of 2^-9,
/// no infinities, the largest number 448, all ones NaN. Source: Micikevicius et al. 2022, FP8 formats for
/// deep learning; OCP OFP8.
///
/// And rows of it, as a KV cache has them: dst[i] = e4m3(src[i] / scale) with the power of two scale = 2^s
/// that brings max|src| into (224, 448]. Division by a power of two rounds nothing, so the 4 significant bits
/// of each number are its own, whatever its row; what the scale gives is range: keys beyond 448 are not cut,
/// rows of small numbers not lost. Numbers below max / 2^18 are 0. A row whose maximum is below
/// kSmallestRowMaximum has scale 0 and zeros, a row that holds a NaN or an infinity has scale NaN and zeros,
/// as rows of int8.
///
/// Rows and widening take a processor that rounds to nearest and keeps subnormal numbers, as it starts.
#pragma once

#include <stdint.h>
#include <string.h>

#include "kernels/common/host_device.h"

namespace transom::kernels {

/// From the bits of an f32. Rounds to nearest even; beyond 448 to 448, infinities too. All in integers: no
/// mode of the processor matters.
TRANSOM_HOST_DEVICE constexpr uint8_t e4m3_of_bits(uint32_t bits) {
  const uint32_t sign = bits >> 24 & 0x80u, magnitude = bits & 0x7fffffffu;
  uint32_t code = 0;
  if (magnitude > 0x7f800000u) {
    code = 0x7fu;
  } else if (magnitude >= 0x43e00000u) {  // 448
    code = 0x7eu;
  } else if (magnitude >= 0x3c800000u) {  // 2^-6: normal; exponents differ by 120
    code = ((magnitude + 0x7ffffu + (magnitude >> 20 & 1u)) >> 20) - (120u << 3);
  } else if (magnitude >= 0x3a800000u) {  // 2^-10: a number of units of 2^-9, half a one at the least
    const uint32_t dropped = 141u - (magnitude >> 23), whole = (magnitude & 0x7fffffu) | 0x800000u;
    code = (whole + (1u << (dropped - 1)) - 1u + (whole >> dropped & 1u)) >> dropped;
  }
  return static_cast<uint8_t>(sign | code);
}

/// The bits of an f32: exact. A number's own bits, moved up, are those of itself times 2^-120.
TRANSOM_HOST_DEVICE inline uint32_t bits_of_e4m3(uint8_t code) {
  const uint32_t sign = (code & 0x80u) << 24, magnitude = (code & 0x7fu) << 20;
  if ((code & 0x7fu) == 0x7fu) return sign | 0x7fc00000u;
  float value;
  memcpy(&value, &magnitude, sizeof value);
  value *= 0x1p120f;
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return sign | bits;
}

/// 1 / scale of a row and scale, as bits, from the bits of its largest magnitude, which is finite and
/// kSmallestRowMaximum or more.
struct E4m3RowScale {
  uint32_t factor, scale;
};
TRANSOM_HOST_DEVICE constexpr E4m3RowScale e4m3_row_scale(uint32_t largest) {
  // 448 is 1.75 * 2^8: a mantissa beyond 1.75 takes the next power.
  const uint32_t exponent = (largest >> 23) - 8u + ((largest & 0x7fffffu) > 0x600000u ? 1u : 0u);
  return {(254u - exponent) << 23, exponent << 23};
}

}  // namespace transom::kernels
