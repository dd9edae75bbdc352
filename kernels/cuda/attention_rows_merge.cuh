// SPDX-License-Identifier: Apache-2.0
// The end of attention_rows.cu: sums of warps to those of a block, sums of blocks to results, both in the
// order of the keys.
#pragma once

#include "kernels/cuda/attention_launch.cuh"
#include "kernels/cuda/attention_softmax.cuh"
#include "kernels/cuda/attention_stream.cuh"
#include "kernels/cuda/reduce.cuh"

namespace transom::kernels::cuda {

/// What a block is, and where it leaves what it found: AttentionArgs::scratch, which holds kAttentionCounters
/// counters; a maximum and a total for each KV head, block of rows, part and row; the sums of values, [kDim]
/// each, of the same.
template <class S>
struct PartPlace {
  unsigned kv_head, part, first_row;
  unsigned item;  // (KV head, block of rows)

  __device__ __forceinline__ explicit PartPlace(const AttentionParameters&)
      : kv_head(blockIdx.x),
        part(blockIdx.y),
        first_row(blockIdx.z * S::kRows),
        item(blockIdx.z * gridDim.x + blockIdx.x) {}

  __device__ __forceinline__ unsigned count_arrival(const AttentionParameters& p, unsigned parts) const {
    return cuda::count_arrival(static_cast<unsigned*>(p.args.scratch) + item, parts - 1);
  }
  __device__ __forceinline__ size_t row(unsigned of_part, unsigned r) const {
    return (size_t{item} * gridDim.y + of_part) * S::kRows + r;
  }
  __device__ __forceinline__ float2* state(const AttentionParameters& p, unsigned of_part, unsigned r) const {
    return reinterpret_cast<float2*>(static_cast<unsigned*>(p.args.scratch) + kAttentionCounters) +
           row(of_part, r);
  }
  __device__ __forceinline__ float* sums(const AttentionParameters& p, unsigned of_part, unsigned r) const {
    const size_t states = size_t{gridDim.x} * gridDim.z * gridDim.y * S::kRows;
    float* first = reinterpret_cast<float*>(state(p, 0, 0) - row(0, 0) + states);
    return first + row(of_part, r) * S::kDim;
  }
  /// Of the results of row r.
  __device__ __forceinline__ float* dst(const AttentionParameters& p, unsigned r) const {
    r += first_row;
    return p.args.dst + r / p.group * p.args.dst_stride +
           (kv_head * p.group + r % p.group) * p.args.kv.head_dim;
  }
};

__device__ __forceinline__ void add_scaled(float4& sum, float factor, const float4& x) {
  sum.x += factor * x.x;
  sum.y += factor * x.y;
  sum.z += factor * x.z;
  sum.w += factor * x.w;
}

/// What the warps of a block found.
template <class S>
struct WarpSums {
  // Rows of a fragment, and their columns, fall on different banks.
  static constexpr int kStride = S::kDim + (S::kColumns == Columns::in_order ? 8 : 16);
  static constexpr unsigned kQuads = S::kDim / 4;

  alignas(16) float sums[S::kWarps][S::kRows][kStride];
  float largest[S::kWarps][S::kRows], total[S::kWarps][S::kRows];

  __device__ __forceinline__ void store(RowSums<S::kRowTiles, S::kDimTiles>& from, unsigned warp,
                                        unsigned lane) {
#pragma unroll
    for (int i = 0; i < S::kRowTiles; ++i) {
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        const unsigned row = 16 * i + 8 * h + lane / 4, t = lane % 4;
        const float all = quad_sum(from.total[i][h]);
        if (t == 0) {
          store_shared(&largest[warp][row], from.largest[i][h]);
          store_shared(&total[warp][row], all);
        }
#pragma unroll
        for (int j = 0; j < S::kDimTiles; j += 2) {
          const float* even = from.values[i][j] + 2 * h;
          const float* odd = from.values[i][j + 1] + 2 * h;
          float* to = sums[warp][row] + 8 * j;
          if constexpr (S::kColumns == Columns::in_order) {
            store_shared(reinterpret_cast<float2*>(to + 2 * t), float2{even[0], even[1]});
            store_shared(reinterpret_cast<float2*>(to + 8 + 2 * t), float2{odd[0], odd[1]});
          } else {
            store_shared(reinterpret_cast<float4*>(to + 4 * t), float4{even[0], odd[0], even[1], odd[1]});
          }
        }
      }
    }
  }

  /// To the results when the block is alone, else to its place.
  __device__ __forceinline__ void merge(const AttentionParameters& p, const PartPlace<S>& place,
                                        unsigned n_rows, bool alone) const {
    for (unsigned at = threadIdx.x; at < n_rows * kQuads; at += S::kThreads) {
      const unsigned row = at / kQuads, column = at % kQuads * 4;
      float most = kNoMaximum, all = 0;
#pragma unroll
      for (int w = 0; w < S::kWarps; ++w) most = fmaxf(most, load_shared(&largest[w][row]));
      float4 sum = make_float4(0, 0, 0, 0);
#pragma unroll
      for (int w = 0; w < S::kWarps; ++w) {
        const float factor = exp2_fast(load_shared(&largest[w][row]) - most);
        all += factor * load_shared(&total[w][row]);
        add_scaled(sum, factor, load_shared(reinterpret_cast<const float4*>(sums[w][row] + column)));
      }
      if (!alone) {
        store_global(reinterpret_cast<float4*>(place.sums(p, place.part, row) + column), sum);
        if (column == 0) store_global(place.state(p, place.part, row), float2{most, all});
      } else if (column < p.args.kv.head_dim) {
        float4 result = make_float4(0, 0, 0, 0);
        add_scaled(result, 1.0f / all, sum);
        store_global(reinterpret_cast<float4*>(place.dst(p, row) + column), result);
      }
    }
  }
};

/// What the parts of a row count for in its result.
template <class S>
struct PartFactors {
  float factors[S::kRows][kMostAttentionParts];

  __device__ __forceinline__ void merge(const AttentionParameters& p, const PartPlace<S>& place,
                                        unsigned n_rows, unsigned parts) {
    for (unsigned row = threadIdx.x / kWarpLanes; row < n_rows; row += S::kWarps)
      find_factors(p, place, row, parts);
    block_sync();
    constexpr unsigned kQuads = S::kDim / 4;
    for (unsigned at = threadIdx.x; at < n_rows * kQuads; at += S::kThreads) {
      const unsigned row = at / kQuads, column = at % kQuads * 4;
      if (column >= p.args.kv.head_dim) continue;
      float4 sum = make_float4(0, 0, 0, 0);
#pragma unroll 4
      for (unsigned part = 0; part < parts; ++part) {
        const float* from = place.sums(p, part, row) + column;
        add_scaled(sum, load_shared(&factors[row][part]), load_global(reinterpret_cast<const float4*>(from)));
      }
      store_global(reinterpret_cast<float4*>(place.dst(p, row) + column), sum);
    }
  }

  /// By a warp.
  __device__ __forceinline__ void find_factors(const AttentionParameters& p, const PartPlace<S>& place,
                                               unsigned row, unsigned parts) {
    constexpr int kOfLane = kMostAttentionParts / kWarpLanes;
    const unsigned lane = threadIdx.x % kWarpLanes;
    float2 state[kOfLane];
    float most = kNoMaximum, all = 0;
#pragma unroll
    for (int i = 0; i < kOfLane; ++i) {
      const unsigned part = i * kWarpLanes + lane;
      state[i] = part < parts ? load_global(place.state(p, part, row)) : float2{kNoMaximum, 0};
      most = fmaxf(most, state[i].x);
    }
#pragma unroll
    for (int mask = kWarpLanes / 2; mask > 0; mask /= 2) most = fmaxf(most, shuffle_xor(most, mask));
#pragma unroll
    for (int i = 0; i < kOfLane; ++i) {
      state[i].x = exp2_fast(state[i].x - most);
      all += state[i].x * state[i].y;
    }
    const float factor = 1.0f / warp_sum(all);
#pragma unroll
    for (int i = 0; i < kOfLane; ++i) {
      const unsigned part = i * kWarpLanes + lane;
      if (part < parts) store_shared(&factors[row][part], state[i].x * factor);
    }
  }
};

}  // namespace transom::kernels::cuda
