// SPDX-License-Identifier: Apache-2.0
// What both attention kernels on tensor cores do with fragments: queries in, scores to weights, sums out. A
// warp has row tiles of 16 rows; in a fragment lane (g, t) holds rows g and g + 8, h = 0 and 1, and columns
// 2t and 2t + 1.
#pragma once

#include <math.h>

#include "kernels/cuda/attention_keys.cuh"
#include "kernels/cuda/ptx.cuh"

namespace transom::kernels::cuda {

/// The maximum of a row follows the scores only when they leave it by so many powers of two: weights up to
/// 256 are as exact as weights up to 1, and sums are hardly ever rescaled.
constexpr float kMaximumSlack = 8;
/// Below every score; finite, so that the difference of two is a number.
constexpr float kNoMaximum = -1e30f;

/// Sums of values weighted, [16 kRowTiles, 8 kDimTiles], with the maximum that weights refer to, 2^(score -
/// maximum), and the lane's own part of the weights' sum.
template <int kRowTiles, int kDimTiles>
struct RowSums {
  float values[kRowTiles][kDimTiles][4];
  float largest[kRowTiles][2];
  float total[kRowTiles][2];

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (int i = 0; i < kRowTiles; ++i) {
#pragma unroll
      for (int j = 0; j < kDimTiles; ++j) {
#pragma unroll
        for (int e = 0; e < 4; ++e) values[i][j][e] = 0;
      }
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        largest[i][h] = kNoMaximum;
        total[i][h] = 0;
      }
    }
  }

  /// Scales what was summed up to maxima that are `next` now.
  __device__ __forceinline__ void follow(const float (&next)[kRowTiles][2]) {
#pragma unroll
    for (int i = 0; i < kRowTiles; ++i) {
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        const float now = fmaxf(largest[i][h], next[i][h]), factor = exp2_fast(largest[i][h] - now);
        largest[i][h] = now;
        total[i][h] *= factor;
#pragma unroll
        for (int j = 0; j < kDimTiles; ++j) {
          values[i][j][2 * h] *= factor;
          values[i][j][2 * h + 1] *= factor;
        }
      }
    }
  }
};

/// Scores of keys, or weights of values, times the scales of the lane's columns. j: columns / 8.
template <int kRowTiles, int kKeyTiles>
__device__ __forceinline__ void scale_columns(float (&s)[kRowTiles][kKeyTiles][4], int j, const float* scales,
                                              unsigned lane) {
  const float2 scale = load_shared(reinterpret_cast<const float2*>(scales + j * 8 + lane % 4 * 2));
#pragma unroll
  for (int i = 0; i < kRowTiles; ++i) {
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      s[i][j][2 * h] *= scale.x;
      s[i][j][2 * h + 1] *= scale.y;
    }
  }
}
template <int kRowTiles, int kKeyTiles>
__device__ __forceinline__ void scale_scores(float (&s)[kRowTiles][kKeyTiles][4], const float* scales,
                                             unsigned lane) {
#pragma unroll
  for (int j = 0; j < kKeyTiles; ++j) scale_columns(s, j, scales, lane);
}

/// Scores in units of soft_cap to soft_cap * tanh(score) in units of log2.
template <int kRowTiles, int kKeyTiles>
__device__ __forceinline__ void bend_scores(float (&s)[kRowTiles][kKeyTiles][4], float soft_cap) {
  const float cap = soft_cap * kLog2E;
#pragma unroll
  for (int i = 0; i < kRowTiles; ++i) {
#pragma unroll
    for (int j = 0; j < kKeyTiles; ++j) {
#pragma unroll
      for (int e = 0; e < 4; ++e)
        s[i][j][e] = cap - 2 * cap * reciprocal_fast(1 + exp2_fast(2 * kLog2E * s[i][j][e]));
    }
  }
}

/// Lets the maxima follow the scores; hidden ones are -infinity.
template <int kRowTiles, int kKeyTiles, int kDimTiles>
__device__ __forceinline__ void follow_scores(const float (&s)[kRowTiles][kKeyTiles][4],
                                              RowSums<kRowTiles, kDimTiles>& sums) {
  float largest[kRowTiles][2];
  bool grown = false;
#pragma unroll
  for (int i = 0; i < kRowTiles; ++i) {
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      float most = -INFINITY;
#pragma unroll
      for (int j = 0; j < kKeyTiles; ++j) most = fmaxf(most, fmaxf(s[i][j][2 * h], s[i][j][2 * h + 1]));
      most = fmaxf(most, shuffle_xor(most, 1));
      largest[i][h] = fmaxf(most, shuffle_xor(most, 2));
      grown |= largest[i][h] > sums.largest[i][h] + kMaximumSlack;
    }
  }
  if (any_lane(grown)) sums.follow(largest);
}

/// Scores of columns 8 j .. 8 j + 7 to weights, which the totals take up.
template <int kRowTiles, int kKeyTiles, int kDimTiles>
__device__ __forceinline__ void weigh_columns(float (&s)[kRowTiles][kKeyTiles][4], int j,
                                              RowSums<kRowTiles, kDimTiles>& sums) {
#pragma unroll
  for (int i = 0; i < kRowTiles; ++i) {
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      s[i][j][e] = exp2_fast(s[i][j][e] - sums.largest[i][e / 2]);
      sums.total[i][e / 2] += s[i][j][e];
    }
  }
}

/// Weights of 16 keys, column tiles j and j + 1, as the left factor of a product.
template <int kKeyTiles>
__device__ __forceinline__ void pack_weights(uint32_t (&a)[4], const float (&s)[kKeyTiles][4], int j) {
  a[0] = pack_bf16x2(s[j][0], s[j][1]);
  a[1] = pack_bf16x2(s[j][2], s[j][3]);
  a[2] = pack_bf16x2(s[j + 1][0], s[j + 1][1]);
  a[3] = pack_bf16x2(s[j + 1][2], s[j + 1][3]);
}

/// The sum over the four lanes that share rows.
__device__ __forceinline__ float quad_sum(float value) {
  value += shuffle_xor(value, 1);
  return value + shuffle_xor(value, 2);
}

/// How the columns of 16 dimensions are dealt to the positions of a k-step: in order, or, as the halves of i8
/// and f32 words come, 0 2 4 6 8 10 12 14 | 1 3 5 ...
enum class Columns { in_order, even_then_odd };

/// Rows [row_begin, row_begin + kRows) of queries, times query_factor, as bf16 [kRows, kDim], swizzled; zeros
/// beyond the last row and beyond head_dim. from: args.q or args.q_sink.
template <int kRows, int kDim, int kThreads, Columns kColumns>
__device__ __forceinline__ void stage_queries(const AttentionParameters& p, const float* from,
                                              unsigned kv_head, unsigned row_begin, unsigned char* to) {
  constexpr int kChunks = kDim / 8;
  const unsigned head_dim = static_cast<unsigned>(p.args.kv.head_dim);
  for (unsigned at = in_this_turn(threadIdx.x); at < kRows * kChunks; at += kThreads) {
    const unsigned row = at / kChunks, chunk = at % kChunks;
    const unsigned r = row_begin + row, token = r / p.group, head = r % p.group;
    const float* q = from + token * p.args.q_stride + (kv_head * p.group + head) * p.args.kv.head_dim;
    const auto take = [&](unsigned j) {
      if (r >= p.rows || j >= head_dim) return make_float4(0, 0, 0, 0);
      return load_global(reinterpret_cast<const float4*>(q + j));
    };
    uint4 words;
    if constexpr (kColumns == Columns::in_order) {
      const float4 a = take(chunk * 8), b = take(chunk * 8 + 4);
      const float f = p.query_factor;
      words = {pack_bf16x2(a.x * f, a.y * f), pack_bf16x2(a.z * f, a.w * f), pack_bf16x2(b.x * f, b.y * f),
               pack_bf16x2(b.z * f, b.w * f)};
    } else {
      uint32_t word[4];
#pragma unroll
      for (unsigned i = 0; i < 4; ++i) {
        const float4 a = take(chunk / 2 * 16 + 4 * i);
        word[i] = chunk % 2 == 0 ? pack_bf16x2(a.x * p.query_factor, a.z * p.query_factor)
                                 : pack_bf16x2(a.y * p.query_factor, a.w * p.query_factor);
      }
      words = {word[0], word[1], word[2], word[3]};
    }
    store_shared(reinterpret_cast<uint4*>(to + chunk_place<kChunks, Order::swizzled>(row, chunk)), words);
  }
}

/// Where lane i of ldmatrix finds its row of 16 rows, of which it loads two neighbouring chunks. Halves
/// first: matrices 0 and 1 are the two halves of the rows, 2 and 3 the same of the next chunk, as in the left
/// factor of a product and, transposed, two right ones. Chunks first: 0 and 1 are two chunks of the first
/// half, as in two right ones. (Pairs that are no neighbours cost a move a word.)
template <int kChunks, bool kHalvesFirst>
struct LaneRows {
  unsigned row_offset, swizzle;
  __device__ __forceinline__ explicit LaneRows(unsigned lane) {
    const unsigned row = kHalvesFirst ? lane % 16 : lane % 8 + lane / 16 * 8,
                   chunk = kHalvesFirst ? lane / 16 : lane / 8 % 2;
    row_offset = row * kChunks * kChunkBytes;
    swizzle = chunk ^ row_swizzle<kChunks>(row);
  }
  /// Chunks 2 pair and 2 pair + 1 of 16 rows from row on.
  __device__ __forceinline__ unsigned at(unsigned row, unsigned pair) const {
    return row * kChunks * kChunkBytes + row_offset + ((2 * pair) ^ swizzle) * kChunkBytes;
  }
};

}  // namespace transom::kernels::cuda
