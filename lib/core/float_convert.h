// SPDX-License-Identifier: Apache-2.0
/// Stored floating-point types as f32. For small tensors (norms, biases) and rare dtypes; big weights go through the
/// packing kernels.
#pragma once

#include <algorithm>
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

/// An f16 without branches, so that loops over whole weights vectorise: as a normal float its exponent is 112 too
/// small, which a multiplication mends, for subnormals too.
inline float f16_to_float(std::uint16_t bits) {
  const std::uint32_t magnitude = static_cast<std::uint32_t>(bits & 0x7fffu) << 13;
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000u) << 16;
  const bool finite = (bits & 0x7c00u) != 0x7c00u;
  const std::uint32_t scaled = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112f);
  return std::bit_cast<float>(sign | (finite ? scaled : magnitude | 0x7f800000u));
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

/// dst[i] = convert(element i of src), at any alignment.
template <typename T, typename Convert>
void convert_each(const std::byte* src, std::span<float> dst, const Convert& convert) {
  for (std::size_t i = 0; i < dst.size(); ++i) dst[i] = convert(load_unaligned<T>(src + i * sizeof(T)));
}

/// dst[i] = src[i]; src holds dst.size() elements of dtype at any alignment. f64 rounds to nearest.
inline void to_float(DType dtype, const std::byte* src, std::span<float> dst) {
  switch (dtype) {
    case DType::f32: return convert_each<float>(src, dst, [](float x) { return x; });
    case DType::f64: return convert_each<double>(src, dst, [](double x) { return static_cast<float>(x); });
    case DType::bf16: return convert_each<std::uint16_t>(src, dst, bf16_to_float);
    case DType::f16: return convert_each<std::uint16_t>(src, dst, f16_to_float);
    case DType::f8_e4m3:
      return convert_each<std::uint8_t>(src, dst, [](std::uint8_t x) { return small_float(x, 4, 3, true); });
    case DType::f8_e5m2:
      return convert_each<std::uint8_t>(src, dst, [](std::uint8_t x) { return small_float(x, 5, 2, false); });
    default: std::fill(dst.begin(), dst.end(), 0.0f);
  }
}

}  // namespace transom::core
