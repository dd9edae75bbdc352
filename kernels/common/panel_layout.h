// SPDX-License-Identifier: Apache-2.0
/// The one layout of prepared weights, shared by every kernel.
///
/// A weight W [n, k] (row = output) is cut into panels of 64 outputs. Inside a panel the input index advances
/// slowest, in groups that fill 32-bit words, so that one broadcast of a word of inputs multiplies 16 outputs
/// a vector:
///
///   f32   [n/64][k   ][64]      oneDNN BA16a64b
///   bf16  [n/64][k/2 ][64][2]   oneDNN BA16a64b2a
///   i8    [n/64][k/4 ][64][4]   oneDNN BA16a64b4a; q - 128, so that the bytes are signed
///   i4    [n/64][k/8 ][64]      words: low nibbles inputs 0 .. 3, high nibbles inputs 4 .. 7
///   i2    [n/64][k/16][64]      words: bits 2 t of the bytes are inputs 4 t .. 4 t + 3
///   i3    [n/64][k/32][3][64]   words w: bits 0 .. 2 of the bytes are inputs 8 w .. 8 w + 3, bits 3 .. 5 the
///                               next four; bits 6, 7 of words 0 and 1 are the low bits of inputs 24 .. 27
///                               and 28 .. 31, of word 2 the high bits of both
///
/// Byte c of a word belongs to input c of its four, so all integers unpack to words of four inputs in natural
/// order by masks and a few shifts. n is padded to 64 and k to a 64-byte block of 16 words (32-bit types) or
/// to 64 inputs (integers), with zeros. One panel is one linear stream: decode reads each byte once, prefill
/// reuses a panel for every row, and oneDNN takes the same memory as it is, so a weight is resident once.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels/common/host_device.h"

namespace transom::kernels {

enum class WeightType : uint8_t { f32, bf16, i8, i4, i3, i2 };
inline constexpr int kWeightTypeCount = 6;

inline constexpr size_t kPanelColumns = 64;

constexpr bool is_integer(WeightType type) { return type >= WeightType::i8; }
TRANSOM_HOST_DEVICE constexpr size_t weight_bits(WeightType type) {
  constexpr size_t kBits[kWeightTypeCount] = {32, 16, 8, 4, 3, 2};
  return kBits[static_cast<int>(type)];
}

constexpr bool has_integer_type(int bits) { return bits == 8 || bits == 4 || bits == 3 || bits == 2; }
/// Of a width that has one.
constexpr WeightType integer_type(int bits) {
  return bits == 8   ? WeightType::i8
         : bits == 4 ? WeightType::i4
         : bits == 3 ? WeightType::i3
                     : WeightType::i2;
}

/// Integers are laid out in blocks of 32 inputs, which take as many words per output as they have bits.
inline constexpr size_t kBlockInputs = 32;

constexpr size_t padded_k(WeightType type, size_t k) {
  const size_t block = type == WeightType::f32 ? 16 : type == WeightType::bf16 ? 32 : 64;
  return (k + block - 1) / block * block;
}
constexpr size_t panel_count(size_t n) { return (n + kPanelColumns - 1) / kPanelColumns; }
constexpr size_t panel_bytes(WeightType type, size_t k) {
  return padded_k(type, k) * weight_bits(type) / 8 * kPanelColumns;
}
constexpr size_t packed_bytes(WeightType type, size_t n, size_t k) {
  return panel_count(n) * panel_bytes(type, k);
}
/// Element index (not byte) of W[row, col] in the packed array of f32, bf16 or i8.
constexpr size_t packed_index(WeightType type, size_t k, size_t row, size_t col) {
  const size_t word = 32 / weight_bits(type);  // elements of a word
  return (row / kPanelColumns) * padded_k(type, k) * kPanelColumns + (col / word) * kPanelColumns * word +
         (row % kPanelColumns) * word + col % word;
}

/// The integer q in [0, 2^bits) of W[row, col]. Plain, for the reference and for tests.
inline unsigned packed_integer(WeightType type, const void* data, size_t k, size_t row, size_t col) {
  const size_t bits = weight_bits(type);
  const uint8_t* bytes = static_cast<const uint8_t*>(data) + row / kPanelColumns * panel_bytes(type, k);
  const size_t word = col % kBlockInputs / 4, byte = col % 4;
  const auto at = [&](size_t index) {  // a byte of word `index` of the block
    const size_t from = (col / kBlockInputs * bits + index) * kPanelColumns + row % kPanelColumns;
    return static_cast<unsigned>(bytes[from * 4 + byte]);
  };
  switch (type) {
    case WeightType::i8:
      return at(word) ^ 0x80u;
    case WeightType::i4:
      return at(word / 2) >> (4 * (word % 2)) & 15u;
    case WeightType::i3:
      return word < 6 ? at(word / 2) >> (3 * (word % 2)) & 7u : at(word - 6) >> 6 | (at(2) >> word & 1u) << 2;
    default:
      return at(word / 4) >> (2 * (word % 4)) & 3u;
  }
}

}  // namespace transom::kernels
