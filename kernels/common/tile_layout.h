// SPDX-License-Identifier: Apache-2.0
/// The layout of integer weights on devices with matrix instructions.
///
/// A weight W [n, k] (row = output) is cut into strips of 16 outputs and these into tiles of 64 inputs. A
/// warp reads a tile by itself: lane 4 g + t (g < 8, t < 4) holds outputs g and g + 8 of inputs 8 t .. 8 t +
/// 7 of each half of 32 inputs, in as many 32-bit words as the type has bits. Four neighbouring inputs of
/// such an eight are what a lane feeds to one product of m16n8k16, and all eight to one of m16n8k32: a sum
/// does not mind the order of its terms, so the other operand is eight neighbouring activations, one load of
/// 16 (or 8) bytes.
///
///   words of a lane  of input e = 2 p + h of the eight, half j, output g + 8 o
///   i8    8          word 4 j + 2 o + e / 4, byte e % 4
///   i4    4          word 2 j + o, bits 4 p + 16 h
///   i3    3          pair P = 8 j + 4 o + p: word P / 5, bits 3 (P % 5) + 16 h; of P = 15 bit b is bit 15 +
///   16 h of
///                    word b
///   i2    2          word o, bits 2 (4 j + p) + 16 h
///
/// So both halves of a word unpack at once, h = 0 and 1 into the halves of a register, by one mask for a
/// pair; words shifted right once (by 8, 9 or 10 bits) bring the upper fields down, where they are mantissas
/// of f16.
///
/// The words of a tile lie so that each load of a warp is one line of memory: the first 4 of all lanes, 16
/// bytes a lane, then the next 4; then what is left of 2 (8 bytes a lane) and of 1. Strips follow one
/// another, a strip's tiles too: a warp streams. n is padded to 16 and k to 64 with zero bits, which
/// activations of zero multiply.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels/common/host_device.h"
#include "kernels/common/linear_args.h"

namespace transom::kernels {

inline constexpr size_t kStripOutputs = 16;
inline constexpr size_t kTileInputs = 64;

TRANSOM_HOST_DEVICE constexpr size_t strip_count(size_t n) { return (n + kStripOutputs - 1) / kStripOutputs; }
TRANSOM_HOST_DEVICE constexpr size_t tile_count(size_t k) {
  return (k + kTileInputs - 1) / kTileInputs;
}  ///< of a strip
TRANSOM_HOST_DEVICE constexpr size_t tile_bytes(WeightType type) {
  return kStripOutputs * kTileInputs / 8 * weight_bits(type);
}
constexpr size_t tiled_bytes(WeightType type, size_t n, size_t k) {
  return strip_count(n) * tile_count(k) * tile_bytes(type);
}

/// A weight in this layout, or, of floats, row by row; pointers of one memory, the device's or the host's.
/// The numbers are those of PackedWeight.
struct TiledWeight {
  WeightType type = WeightType::bf16;
  size_t n = 0;                 ///< outputs
  size_t k = 0;                 ///< inputs; integers in one group: below 2^16
  const void* data = nullptr;   ///< tiled_bytes(type, n, k), floats: [n, k]; 128-byte aligned
  const float* bias = nullptr;  ///< [n] or null

  // Integers only.
  size_t group = 0;   ///< inputs that share a scale: a multiple of 32, or >= k
  size_t groups = 0;  ///< group_count(k, group)
  ScaleType scale_type = ScaleType::f32;
  const void* scale = nullptr;    ///< [strips][groups][16] at tiled_scale_index, 64-byte aligned
  const uint8_t* zero = nullptr;  ///< the same, up to 2^bits; null: 2^(bits - 1) everywhere
};

/// Of the scale or zero point of an output and group: outputs g and g + 8 of a strip are neighbours.
constexpr size_t tiled_scale_index(size_t groups, size_t output, size_t group) {
  const size_t row = output % kStripOutputs;
  return (output / kStripOutputs * groups + group) * kStripOutputs + row % 8 * 2 + row / 8;
}
constexpr size_t tiled_scale_count(size_t n, size_t groups) {
  return strip_count(n) * groups * kStripOutputs;
}

/// Where word `word` of a lane lies in a tile, in words.
constexpr size_t tile_word_index(WeightType type, size_t word, size_t lane) {
  const size_t words = weight_bits(type), vector = word / 4 * 4;  // words before its load
  const size_t width = words - vector >= 4 ? 4 : word - vector < 2 && words - vector >= 2 ? 2 : 1;
  const size_t begin = width == 1 ? word : vector;
  return begin * 32 + lane * width + (word - begin);
}

/// The place of an element of a tile: word of a lane and lowest bit. (i3: see above for the last pair.)
struct TilePlace {
  size_t lane, word, bit;
};
constexpr TilePlace tile_place(WeightType type, size_t output, size_t input) {
  const size_t o = output / 8 % 2, j = input / 32 % 2, e = input % 8, p = e / 2, h = e % 2;
  const size_t lane = output % 8 * 4 + input % 32 / 8;
  switch (type) {
    case WeightType::i8:
      return {lane, 4 * j + 2 * o + e / 4, e % 4 * 8};
    case WeightType::i4:
      return {lane, 2 * j + o, 4 * p + 16 * h};
    case WeightType::i3: {
      const size_t pair = 8 * j + 4 * o + p;
      return pair == 15 ? TilePlace{lane, 0, 15 + 16 * h} : TilePlace{lane, pair / 5, pair % 5 * 3 + 16 * h};
    }
    default:  // i2
      return {lane, o, 2 * (4 * j + p) + 16 * h};
  }
}

/// Fills one strip from integers.
struct PackStripArgs {
  const uint8_t* values = nullptr;  ///< [rows, k], q in [0, 2^bits)
  size_t rows = 0;                  ///< outputs of this strip: 16, fewer in the last
  size_t k = 0;
  WeightType type = WeightType::i8;
  uint32_t* data = nullptr;  ///< tile_count(k) * tile_bytes(type)
};

}  // namespace transom::kernels
