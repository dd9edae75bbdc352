// SPDX-License-Identifier: Apache-2.0
// What a block of linear_rows brings into shared memory for a chunk of inputs: activations in the type of the
// product, and scales and zero points.
#pragma once

#include "kernels/cuda/f16_range.cuh"
#include "kernels/cuda/ptx.cuh"
#include "kernels/cuda/row_source.cuh"
#include "kernels/cuda/tiled_linear_args.h"

namespace transom::kernels::cuda {

/// Where stage_rows leaves them.
struct StagedRows {
  uint16_t* values;  // [n_rows][stride]: bf16, or f16 times a power of two of the row
  unsigned stride;   // elements
  float* factors;    // [n_rows]: the inverse of that
  unsigned* maxima;  // [n_rows][warps]: scratch
};

/// The largest magnitudes of rows [0, n_rows) in each warp to maxima. kRows rows at a time, so that eight
/// loads of a thread are under way.
template <int kThreads, int kRows, bool kOrdered>
__device__ __forceinline__ void find_maxima(const RowSource<kOrdered>& source, unsigned count,
                                            const StagedRows& to) {
  constexpr unsigned kColumns = 8 / kRows;
  const unsigned n_rows = static_cast<unsigned>(source.args.n_rows), warp = threadIdx.x / kWarpLanes;
  for (unsigned row = 0; row < n_rows; row += kRows) {
    unsigned most[kRows] = {};
    for (unsigned i = threadIdx.x; i < count; i += kColumns * kThreads) {
      unsigned bits[kColumns][kRows];
#pragma unroll
      for (unsigned u = 0; u < kColumns * kRows; ++u)
        bits[u / kRows][u % kRows] =
            magnitude_bits(source.at(min(row + u % kRows, n_rows - 1), i + u / kRows * kThreads));
#pragma unroll
      for (unsigned u = 0; u < kColumns * kRows; ++u)
        most[u % kRows] = max(most[u % kRows], bits[u / kRows][u % kRows]);
    }
#pragma unroll
    for (unsigned r = 0; r < kRows; ++r) {
      const unsigned of_warp = warp_max(most[r]);
      if (threadIdx.x % kWarpLanes == 0 && row + r < n_rows)
        store_shared(to.maxima + (row + r) * (kThreads / kWarpLanes) + warp, of_warp);
    }
  }
}

template <bool kF16, int kThreads, bool kOrdered>
__device__ __forceinline__ void convert_rows(const RowSource<kOrdered>& source, unsigned count,
                                             const StagedRows& to) {
  constexpr unsigned kWarps = kThreads / kWarpLanes, kPairs = 4;
  for (unsigned row = 0; row < source.args.n_rows; ++row) {
    float multiplier = 1.0f;
    if constexpr (kF16) {
      unsigned most = 0;
#pragma unroll
      for (unsigned i = 0; i < kWarps; ++i) most = max(most, load_shared(to.maxima + row * kWarps + i));
      multiplier = f16_multiplier(most);
      if (threadIdx.x == row) store_shared(to.factors + row, f16_factor(most));
    }
    for (unsigned i = 2 * threadIdx.x; i < count; i += 2 * kPairs * kThreads) {
      float values[kPairs][2];
#pragma unroll
      for (unsigned u = 0; u < 2 * kPairs; ++u)
        values[u / 2][u % 2] = source.at(row, i + u / 2 * 2 * kThreads + u % 2) * multiplier;
#pragma unroll
      for (unsigned u = 0; u < kPairs; ++u) {
        const unsigned at = i + u * 2 * kThreads;
        const uint32_t pair =
            kF16 ? pack_f16x2(values[u][0], values[u][1]) : pack_bf16x2(values[u][0], values[u][1]);
        if (at < count) store_shared(reinterpret_cast<uint32_t*>(to.values + row * to.stride + at), pair);
      }
    }
  }
}

/// Inputs [first, first + count) of all rows. count: even. Waits for the block once; what it leaves is there
/// after one barrier more.
template <bool kF16, int kThreads, bool kOrdered>
__device__ __forceinline__ void stage_rows(const TiledLinearArgs& args, unsigned first, unsigned count,
                                           const StagedRows& to) {
  const RowSource<kOrdered> source{args, first, min(first + count, static_cast<unsigned>(args.weight.k))};
  if constexpr (kF16) {
    if (args.n_rows == 1) {
      find_maxima<kThreads, 1>(source, count, to);
    } else {
      find_maxima<kThreads, 4>(source, count, to);
    }
    block_sync();
  }
  convert_rows<kF16, kThreads>(source, count, to);
}

/// Scales of outputs g and g + 8, number `pair` of the weight, as f32.
__device__ __forceinline__ float2 load_scales(const TiledWeight& weight, size_t pair) {
  if (weight.scale_type == ScaleType::f32)
    return load_global(static_cast<const float2*>(weight.scale) + pair);
  const uint32_t word = load_global(static_cast<const uint32_t*>(weight.scale) + pair);
  if (weight.scale_type == ScaleType::bf16) return make_float2(bf16_low(word), bf16_high(word));
  return make_float2(f16_low(word), f16_low(word >> 16));
}
/// Their zero points, in bytes 0 and 1. The weight has some.
__device__ __forceinline__ uint16_t load_zeros(const TiledWeight& weight, size_t pair) {
  return load_global(reinterpret_cast<const uint16_t*>(weight.zero) + pair);
}

}  // namespace transom::kernels::cuda
