// SPDX-License-Identifier: Apache-2.0
/// Stored floating-point types as f32. For small tensors (norms, biases) and rare dtypes; big weights go through the
/// packing kernels.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>

#include "transom/dtype.h"

namespace transom::core {

inline float bf16_to_float(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

/// A small float with the given field widths. IEEE 754 style: the top exponent holds infinities and NaN, except in the
/// finite variant (f8_e4m3), where only the all-ones pattern is NaN.
inline float small_float(std::uint32_t bits, int exponent_bits, int mantissa_bits, bool finite) {
  const std::uint32_t mantissa = bits & ((1u << mantissa_bits) - 1);
  const std::uint32_t exponent = bits >> mantissa_bits & ((1u << exponent_bits) - 1);
  const std::uint32_t top = (1u << exponent_bits) - 1;
  const float sign = bits >> (exponent_bits + mantissa_bits) & 1 ? -1.0f : 1.0f;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  if (finite ? exponent == top && mantissa == (1u << mantissa_bits) - 1 : exponent == top && mantissa != 0) {
    return std::numeric_limits<float>::quiet_NaN();
  }
  if (!finite && exponent == top) return sign * std::numeric_limits<float>::infinity();
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(mantissa), 1 - bias - mantissa_bits);
  return sign * std::ldexp(static_cast<float>(mantissa | 1u << mantissa_bits),
                           static_cast<int>(exponent) - bias - mantissa_bits);
}

/// The bits of a number that f16 holds exactly (as core::round_scale makes them), not an infinity or NaN.
inline std::uint16_t f16_bits(float value) {
  const std::uint32_t sign = std::signbit(value) ? 0x8000u : 0u;
  int exponent = 0;
  const float fraction = std::frexp(std::abs(value), &exponent);  // [0.5, 1) * 2^exponent
  if (fraction == 0) return static_cast<std::uint16_t>(sign);
  if (exponent < -13) return static_cast<std::uint16_t>(sign | static_cast<std::uint32_t>(std::ldexp(fraction, exponent + 24)));
  const auto mantissa = static_cast<std::uint32_t>(std::ldexp(fraction, 11)) - 1024u;
  return static_cast<std::uint16_t>(sign | static_cast<std::uint32_t>(exponent + 14) << 10 | mantissa);
}

template <typename T>
T load_unaligned(const std::byte* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

/// True for dtypes that to_float understands.
inline bool is_floating(DType dtype) {
  switch (dtype) {
    case DType::f32:
    case DType::f16:
    case DType::bf16:
    case DType::f64:
    case DType::f8_e4m3:
    case DType::f8_e5m2: return true;
    default: return false;
  }
}

/// dst[i] = src[i]; src holds dst.size() elements of dtype at any alignment. f64 rounds to nearest.
inline void to_float(DType dtype, const std::byte* src, std::span<float> dst) {
  const std::size_t step = dtype_size(dtype);
  for (std::size_t i = 0; i < dst.size(); ++i) {
    const std::byte* at = src + i * step;
    switch (dtype) {
      case DType::f32: dst[i] = load_unaligned<float>(at); break;
      case DType::f64: dst[i] = static_cast<float>(load_unaligned<double>(at)); break;
      case DType::bf16: dst[i] = bf16_to_float(load_unaligned<std::uint16_t>(at)); break;
      case DType::f16: dst[i] = small_float(load_unaligned<std::uint16_t>(at), 5, 10, false); break;
      case DType::f8_e4m3: dst[i] = small_float(std::to_integer<std::uint8_t>(*at), 4, 3, true); break;
      case DType::f8_e5m2: dst[i] = small_float(std::to_integer<std::uint8_t>(*at), 5, 2, false); break;
      default: dst[i] = 0; break;
    }
  }
}

}  // namespace transom::core
