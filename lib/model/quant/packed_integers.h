// SPDX-License-Identifier: Apache-2.0
/// Unsigned integers of a few bits in streams of 32-bit little-endian words, lowest bits first, as GPTQ and
/// compressed-tensors store them. Only integers of 3 bits lie across two words.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/float_convert.h"

namespace transom::model {

/// Integers that fill as many whole words as they have bits.
constexpr std::int64_t kPackedRun = 32;

/// Words that hold `count` integers, the last one perhaps in part.
constexpr std::int64_t packed_words(std::int64_t count, int bits) { return (count * bits + 31) / 32; }

/// Word `index` of a stream at any alignment.
inline std::uint32_t word_at(const std::byte* words, std::int64_t index) {
  return core::load_unaligned<std::uint32_t>(words + index * 4);
}

/// values[i] = integer i of a run; words [bits], values [kPackedRun].
using UnpackRun = void (*)(const std::uint32_t* words, std::uint8_t* values);

/// @param bits 8, 4, 3 or 2.
UnpackRun unpack_run(int bits);

/// Integer `index` of a stream.
inline std::uint32_t packed_integer(const std::byte* words, std::int64_t index, int bits) {
  const std::int64_t place = index * bits;
  const auto shift = static_cast<int>(place % 32);
  std::uint32_t value = word_at(words, place / 32) >> shift;
  if (shift + bits > 32) value |= word_at(words, place / 32 + 1) << (32 - shift);
  return value & ((1u << bits) - 1);
}

}  // namespace transom::model
