// SPDX-License-Identifier: Apache-2.0
// Tiles of tile_layout.h from memory into the operands of mma: 16 outputs by 16 (or 32) inputs.
//
// An integer field of a word becomes f16 by bits alone. A mask leaves it as bits p .. p + bits of the
// mantissa under the exponent of 2^(10 - p), whose mantissa counts 2^-p: the number is 2^(10 - p) + q.
// Subtracting the origin 2^(10 - p) + zero leaves q - zero, all three integers below 2^11 and thus exact. A
// field of 8 bits takes a byte permutation instead of the mask. bf16, with 8 significant bits, would take
// 8-bit integers through f32: 20 instructions for the 8 elements that cost 8 here.
#pragma once

#include "kernels/common/tile_layout.h"
#include "kernels/cuda/ptx.cuh"

namespace transom::kernels::cuda {

/// Words of a lane in a tile.
template <WeightType kType>
inline constexpr int kTileWords = static_cast<int>(weight_bits(kType));

struct FromStreamed {
  template <class T>
  __device__ __forceinline__ T operator()(const T* from) const {
    return load_streamed(from);
  }
};
struct FromShared {
  template <class T>
  __device__ __forceinline__ T operator()(const T* from) const {
    return load_shared(from);
  }
};

/// A lane's words of a tile.
template <int kWords, class Load>
__device__ __forceinline__ void load_tile(uint32_t (&words)[kWords], const void* tile, unsigned lane,
                                          Load load) {
#pragma unroll
  for (int word = 0; word + 4 <= kWords; word += 4) {
    const uint4 four = load(static_cast<const uint4*>(tile) + word / 4 * kWarpLanes + lane);
    words[word] = four.x;
    words[word + 1] = four.y;
    words[word + 2] = four.z;
    words[word + 3] = four.w;
  }
  constexpr int kTwo = kWords / 4 * 4, kOne = kWords / 2 * 2;  // where the rest begins
  if constexpr (kWords % 4 >= 2) {
    const uint2 two = load(static_cast<const uint2*>(tile) + kTwo / 2 * kWarpLanes + lane);
    words[kTwo] = two.x;
    words[kTwo + 1] = two.y;
  }
  if constexpr (kWords % 2 == 1)
    words[kOne] = load(static_cast<const uint32_t*>(tile) + kOne * kWarpLanes + lane);
}

/// Fields of a word that are mantissas without a shift: at bits 0, kBits, 2 kBits ...
template <WeightType kType>
inline constexpr int kPositions = kType == WeightType::bf16 ? 1 : 10 / kTileWords<kType>;

/// f16 of 2^(10 - bit) in both halves.
__device__ constexpr uint32_t f16_magic(int bit) {
  return static_cast<uint32_t>(25 - bit) * (1u << 10 | 1u << 26);
}

/// What is subtracted of the fields of outputs g and g + 8, by position.
template <WeightType kType>
struct Origins {
  uint32_t of[2][kPositions<kType>];
};

/// zero points of outputs g and g + 8, each in both halves of a word.
template <WeightType kType>
__device__ __forceinline__ void set_origins(Origins<kType>& origins, uint32_t zero, uint32_t zero_8) {
#pragma unroll
  for (int i = 0; i < kPositions<kType>; ++i) {
    const int bit = i * kTileWords<kType>;
    origins.of[0][i] = (zero << bit) + f16_magic(bit);
    origins.of[1][i] = (zero_8 << bit) + f16_magic(bit);
  }
}
/// zeros: as they are kept, that of output g in byte 0, of output g + 8 in byte 1.
template <WeightType kType>
__device__ __forceinline__ void set_origins(Origins<kType>& origins, uint32_t zeros) {
  set_origins<kType>(origins, byte_permute(zeros, 0, 0x4040), byte_permute(zeros, 0, 0x4141));
}

/// Two zero points of 2^(bits - 1), as set_origins takes them.
template <WeightType kType>
inline constexpr uint32_t kMiddleZeros = (1u << (kTileWords<kType> - 1)) * 0x0101u;

/// Inputs 2 p and 2 p + 1 of the eight of half j, output g + 8 o, as 2^(10 - bit) + q in f16, bit that of
/// `position`. All but the words are constants once loops are unrolled.
template <WeightType kType>
__device__ __forceinline__ uint32_t biased_pair(const uint32_t (&words)[kTileWords<kType>], int j, int o,
                                                int p, int& position) {
  constexpr int kBits = kTileWords<kType>;
  constexpr uint32_t kField = ((1u << kBits) - 1) * 0x00010001u;
  position = 0;
  uint32_t word = 0;
  if constexpr (kType == WeightType::i8) {
    return byte_permute(words[4 * j + 2 * o + p / 2], f16_magic(0), p % 2 == 0 ? 0x5150 : 0x5352);
  } else if constexpr (kType == WeightType::i4) {
    word = words[2 * j + o] >> (p / 2 * 8);
    position = p % 2;
  } else if constexpr (kType == WeightType::i2) {
    const int at = 4 * j + p;
    word = words[o] >> (at / 5 * 10);
    position = at % 5;
  } else {
    const int at = 8 * j + 4 * o + p;
    if (at < 15) {
      word = words[at / 5] >> (at % 5 / 3 * 9);
      position = at % 5 % 3;
    } else {
      constexpr uint32_t kSpare = 0x00010001u << 6;
      word = and_or(words[0] >> 9, kSpare, and_or(words[1] >> 8, kSpare << 1, words[2] >> 7 & kSpare << 2));
      position = 2;
    }
  }
  return and_or(word, kField << (position * kBits), f16_magic(position * kBits));
}

/// Operands a of the two products of k = 16 for half j of a tile: f16 integers less their zero points.
template <WeightType kType>
__device__ __forceinline__ void unpack(const uint32_t (&words)[kTileWords<kType>], int j,
                                       const Origins<kType>& origins, uint32_t (&first)[4],
                                       uint32_t (&second)[4]) {
#pragma unroll
  for (int o = 0; o < 2; ++o) {
#pragma unroll
    for (int p = 0; p < 4; ++p) {
      uint32_t operand;
      if constexpr (kType == WeightType::bf16) {
        operand = words[8 * j + p / 2 * 4 + p % 2 * 2 + o];
      } else {
        int position;
        const uint32_t biased = biased_pair<kType>(words, j, o, p, position);
        operand = subtract_f16x2(biased, origins.of[o][position]);
      }
      // No conditional reference to the arrays: GCC's -fsanitize=undefined writes to a copy of them.
      if (p < 2) {
        first[p % 2 * 2 + o] = operand;
      } else {
        second[p % 2 * 2 + o] = operand;
      }
    }
  }
}

/// Operand a of the product of k = 32 for half j of a tile of 8-bit integers: q - 128.
__device__ __forceinline__ void unpack_signed(const uint32_t (&words)[8], int j, uint32_t (&a)[4]) {
#pragma unroll
  for (int i = 0; i < 4; ++i) a[i] = words[4 * j + i % 2 * 2 + i / 2] ^ 0x80808080u;
}

/// The product of k = 16 whose operand a unpack makes; activations as convert_activations.h says.
template <WeightType kType>
__device__ __forceinline__ void multiply(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  const uint32_t b[2] = {b0, b1};
  if constexpr (kType == WeightType::bf16) {
    mma_m16n8k16_bf16(d, a, b);
  } else {
    mma_m16n8k16_f16(d, a, b);
  }
}

}  // namespace transom::kernels::cuda
