// SPDX-License-Identifier: Apache-2.0
// i8, e4m3 and f32 to the bf16 pairs that products take. Every i8 and every e4m3 is a bf16.
#pragma once

#include "kernels/common/attention_args.h"
#include "kernels/cuda/ptx.cuh"

namespace transom::kernels::cuda {

/// The signed bytes in bits 0 .. 7 and 16 .. 23 as bf16. Their low 7 bits under the exponent of 128, whose
/// unit in the last place is 1, are 128 + those; from that 128 goes, or 256 where the sign bit counts -128:
/// both exact.
__device__ __forceinline__ uint32_t bf16x2_of_bytes(uint32_t word) {
  return add_bf16x2(and_or(word, 0x007f007fu, 0x43004300u), and_or(word, 0x00800080u, 0xc300c300u));
}

/// The e4m3 numbers in bits 0 .. 7 and 16 .. 23 as bf16: their bits, moved up, are those of themselves times
/// 2^-120, subnormals too. Processors before Hopper have no instruction for it.
__device__ __forceinline__ uint32_t bf16x2_of_e4m3(uint32_t word) {
  constexpr uint32_t kPowers = 0x7b807b80u;  // 2^120
  const uint32_t magnitudes = word << 4 & 0x07f007f0u;
  return multiply_bf16x2(and_or(word << 8, 0x80008000u, magnitudes), kPowers);
}

template <KvType kType>
__device__ __forceinline__ uint32_t bf16x2_of(uint32_t word) {
  static_assert(kv_has_scales(kType));
  if constexpr (kType == KvType::i8) {
    return bf16x2_of_bytes(word);
  } else {
    return bf16x2_of_e4m3(word);
  }
}

/// Bytes 0 and 2 of a word, and bytes 1 and 3.
template <KvType kType>
__device__ __forceinline__ void even_and_odd_bytes(uint32_t word, uint32_t& even, uint32_t& odd) {
  even = bf16x2_of<kType>(word);
  odd = bf16x2_of<kType>(word >> 8);
}
/// Bytes 0 and 1 of a word, and bytes 2 and 3.
template <KvType kType>
__device__ __forceinline__ void low_and_high_bytes(uint32_t word, uint32_t& low, uint32_t& high) {
  low = bf16x2_of<kType>(byte_permute(word, 0, 0x4140));
  high = bf16x2_of<kType>(byte_permute(word, 0, 0x4342));
}

}  // namespace transom::kernels::cuda
