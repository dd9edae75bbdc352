// SPDX-License-Identifier: Apache-2.0
// Attention of many rows, on tensor cores; contract in attention.h. A block takes 128 (token, head of the
// group) rows of one KV head and runs over the key tiles that any of them sees, 64 keys at a time, with the
// online softmax of FlashAttention-2 (Dao 2023): scores and weights stay in registers, in f32 and in powers
// of two.
//
// A warp has 32 rows (16 from head_dim 129 on, for the registers' sake): each fragment of keys or values that
// it loads then serves two products, and shared memory, read at 1.25 cycles a product and SM, keeps up with
// the tensor cores of an H100, which take 1.6. Tiles of keys and of values take turns in a ring, two on their
// way while one is used. bf16 tiles are used as they arrive, swizzled; tiles of other types are made bf16
// ones first, once for all warps. Masks are applied to the tiles at the ends of a window, to levels and to
// ages only. Blocks begin with the last rows, whose causal part is the longest.
//
// Sums are f32; queries, weights, and f32 keys and values are rounded to bf16.
#include "kernels/cuda/attention_feed.cuh"
#include "kernels/cuda/attention_launch.cuh"
#include "kernels/cuda/attention_softmax.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/shared_limit.cuh"

namespace transom::kernels::cuda {
namespace {

/// s [rows of the warp, kKeys] = queries * keys.
template <class S>
__device__ __forceinline__ void score_keys(float (&s)[S::kRowTiles][S::kKeyTiles][4],
                                           const unsigned char* queries, const unsigned char* keys,
                                           unsigned lane) {
  const LaneRows<S::kChunks, true> query_rows(lane);
  const LaneRows<S::kChunks, false> key_rows(lane);
#pragma unroll
  for (int i = 0; i < S::kRowTiles; ++i) {
#pragma unroll
    for (int j = 0; j < S::kKeyTiles; ++j) s[i][j][0] = s[i][j][1] = s[i][j][2] = s[i][j][3] = 0;
  }
#pragma unroll
  for (int k = 0; k < S::kDim / 16; ++k) {
    uint32_t a[S::kRowTiles][4];
#pragma unroll
    for (int i = 0; i < S::kRowTiles; ++i) ldmatrix_x4(a[i], queries + query_rows.at(16 * i, k));
#pragma unroll
    for (int j = 0; j < S::kKeyTiles; j += 2) {
      uint32_t m[4];
      ldmatrix_x4(m, keys + key_rows.at(8 * j, k));
      const uint32_t b[2][2] = {{m[0], m[1]}, {m[2], m[3]}};
#pragma unroll
      for (int i = 0; i < S::kRowTiles; ++i) {
        mma_m16n8k16_bf16(s[i][j], a[i], b[0]);
        mma_m16n8k16_bf16(s[i][j + 1], a[i], b[1]);
      }
    }
  }
}

/// sums += weights [rows of the warp, kKeys] * values. Scores become weights 16 keys at a time, while
/// products of the keys before are under way. scales: of values that have some.
template <class S>
__device__ __forceinline__ void add_values(RowSums<S::kRowTiles, S::kDimTiles>& sums,
                                           float (&s)[S::kRowTiles][S::kKeyTiles][4],
                                           const unsigned char* values, const float* scales, unsigned lane) {
  const LaneRows<S::kChunks, true> rows(lane);
#pragma unroll
  for (int k = 0; k < S::kKeys / 16; ++k) {
#pragma unroll
    for (int j = 2 * k; j < 2 * k + 2; ++j) {
      weigh_columns(s, j, sums);
      if constexpr (kv_has_scales(S::kType)) scale_columns(s, j, scales, lane);
    }
    uint32_t a[S::kRowTiles][4];
#pragma unroll
    for (int i = 0; i < S::kRowTiles; ++i) pack_weights(a[i], s[i], 2 * k);
#pragma unroll
    for (int j = 0; j < S::kDimTiles; j += 2) {
      uint32_t m[4];
      ldmatrix_x4_transposed(m, values + rows.at(16 * k, j / 2));
      const uint32_t b[2][2] = {{m[0], m[1]}, {m[2], m[3]}};
#pragma unroll
      for (int i = 0; i < S::kRowTiles; ++i) {
        mma_m16n8k16_bf16(sums.values[i][j], a[i], b[0]);
        mma_m16n8k16_bf16(sums.values[i][j + 1], a[i], b[1]);
      }
    }
  }
}

/// -infinity where a query does not see a key. visible: of the warp's rows, see TilesShared.
template <class S>
__device__ __forceinline__ void hide_keys(float (&s)[S::kRowTiles][S::kKeyTiles][4], const uint32_t* visible,
                                          unsigned lane) {
#pragma unroll
  for (int i = 0; i < S::kRowTiles; ++i) {
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      const uint32_t pair = load_shared(visible + 8 * i + 4 * h + lane / 8);
      const int seen = static_cast<int>(pair >> lane / 4 % 2 * 16 & 0xffffu);
      const int column = static_cast<int>(lane % 4 * 2), begin = (seen & 255) - column,
                end = (seen >> 8) - column;
#pragma unroll
      for (int j = 0; j < S::kKeyTiles; ++j) {
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          if (8 * j + e < begin || 8 * j + e >= end) s[i][j][2 * h + e] = -INFINITY;
        }
      }
    }
  }
}

template <class S>
__device__ __forceinline__ void store_sums(RowSums<S::kRowTiles, S::kDimTiles>& sums,
                                           const AttentionParameters& p, unsigned kv_head,
                                           unsigned first_row) {
  const unsigned lane = threadIdx.x % kWarpLanes;
  first_row += threadIdx.x / kWarpLanes * (16 * S::kRowTiles);
#pragma unroll
  for (int i = 0; i < S::kRowTiles; ++i) {
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      const unsigned row = first_row + static_cast<unsigned>(16 * i + 8 * h) + lane / 4;
      const float factor = 1.0f / quad_sum(sums.total[i][h]);
      if (row >= p.rows) continue;
      float* dst = p.args.dst + row / p.group * p.args.dst_stride +
                   (kv_head * p.group + row % p.group) * p.args.kv.head_dim;
#pragma unroll
      for (int j = 0; j < S::kDimTiles; ++j) {
        const unsigned column = static_cast<unsigned>(8 * j) + lane % 4 * 2;
        if (column < p.args.kv.head_dim)
          store_global(reinterpret_cast<float2*>(dst + column),
                       float2{sums.values[i][j][2 * h] * factor, sums.values[i][j][2 * h + 1] * factor});
      }
    }
  }
}

/// The keys of the feed's turn. Returns whether there are more.
template <class S>
__device__ __forceinline__ bool attend_tile(TileFeed<S>& feed, RowSums<S::kRowTiles, S::kDimTiles>& sums) {
  const AttentionParameters& p = feed.p;
  TilesShared<S>& shared = feed.shared;
  const unsigned thread = in_this_turn(threadIdx.x), lane = thread % kWarpLanes;
  const unsigned warp_row = thread / kWarpLanes * (16 * S::kRowTiles);
  float s[S::kRowTiles][S::kKeyTiles][4];
  const unsigned char* keys = feed.template take<0>(p.args.kv.keys, feed.find_next());
  score_keys<S>(s, shared.queries + warp_row * (S::kChunks * kChunkBytes), keys, lane);
  if constexpr (kv_has_scales(S::kType)) scale_scores(s, feed.template scales<0>(), lane);
  if (p.args.soft_cap > 0) bend_scores(s, p.args.soft_cap);
  if ((load_shared(shared.marks + feed.turn % 2) & kMasked) != 0)
    hide_keys<S>(s, shared.visible[feed.turn % 2] + warp_row / 2, lane);
  follow_scores(s, sums);
  const KeyTile next = load_shared(shared.tiles + (feed.turn + 1) % 2);
  const unsigned char* values = feed.template take<1>(p.args.kv.values, next);
  add_values<S>(sums, s, values, feed.template scales<1>(), lane);
  ++feed.turn;
  return next.count > 0;
}

template <class S>
__global__ void __launch_bounds__(S::kThreads) attention_tiles(AttentionParameters p) {
  TilesShared<S>& shared = block_shared<TilesShared<S>>();
  const unsigned kv_head = blockIdx.x, first_row = (gridDim.y - 1 - blockIdx.y) * S::kRows;
  TileFeed<S> feed{p, shared};
  const KeyTile first = feed.start({first_row / p.group, (min(first_row + S::kRows, p.rows) - 1) / p.group});
  const auto stage = [&](const float* from) {
    stage_queries<S::kRows, S::kDim, S::kThreads, Columns::in_order>(p, from, kv_head, first_row,
                                                                     shared.queries);
  };
  // The sinks come first; their scores take queries of their own.
  stage(p.args.q_sink != nullptr && first.kind == kSinkKind ? p.args.q_sink : p.args.q);
  RowSums<S::kRowTiles, S::kDimTiles> sums;
  sums.clear();
  while (attend_tile<S>(feed, sums)) {
    // All are done with the scores of the turn before.
    if (p.args.q_sink != nullptr && (load_shared(shared.marks + feed.turn % 2) & kAfterSinks) != 0)
      stage(p.args.q);
  }
  cp_async_wait<0>();
  store_sums<S>(sums, p, kv_head, first_row);
}

template <KvType kType, int kDim>
cudaError_t launch_shape(const AttentionParameters& p, cudaStream_t stream) {
  using Large = TilesShape<kType, kDim>;
  return with_shape_that_fits<Large, sizeof(TilesShared<Large>), TilesShape<kType, kDim, true>>(
      [&](auto shape) {
        using S = decltype(shape);
        const dim3 grid(static_cast<unsigned>(p.args.kv.n_kv_heads), (p.rows + S::kRows - 1) / S::kRows);
        return launch(attention_tiles<S>, grid, dim3(S::kThreads), sizeof(TilesShared<S>), stream, p);
      });
}

}  // namespace

cudaError_t launch_attention_tiles(const AttentionArgs& args, const int64_t* first_pos, cudaStream_t stream) {
  if (args.n_tokens == 0 || args.n_heads == 0) return cudaSuccess;
  const AttentionParameters p = attention_parameters(args, first_pos);
  return with_constants_of(args.kv, [&](auto type, auto dim) {
    return launch_shape<decltype(type)::value, decltype(dim)::value>(p, stream);
  });
}

}  // namespace transom::kernels::cuda
