// SPDX-License-Identifier: Apache-2.0
// Attention of few rows, bound by reading the cache; contract in attention.h. The keys of a KV head are split
// over blocks and their warps, as many as the capacity may keep busy; those that the position leaves without
// keys return at once. Each warp streams its keys and values through shared memory, 16 or 32 at a time and a
// few pieces ahead, for 16 or 32 (token, head of the group) rows at once, and has no barrier with others
// before the end. Then the sums of the warps are merged, and those of the blocks, in the order of the keys,
// by the last block to arrive.
//
// Products are those of tensor cores also for a single row, with 15 rows of zeros. At head_dim 128 a warp
// issues about 390 instructions for 16 bf16 keys, 32 of them products, and 990 for 32 i8 keys, 450 of them to
// unpack, while its multiprocessor's share of 3.35 TB/s, 14.5 bytes a cycle, leaves 2260 and 2320 to issue:
// up to 16 rows cost no more than one. Multiplying and adding one by one would take 128 instructions a row
// for 16 keys beside turning them into f32, 128 more: no less at one row, and beyond what memory leaves from
// 16 rows on.
//
// Sums are f32; queries, weights, and f32 keys and values are rounded to bf16.
#include "kernels/cuda/attention_launch.cuh"
#include "kernels/cuda/attention_rows_merge.cuh"
#include "kernels/cuda/attention_stream.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/shared_limit.cuh"

namespace transom::kernels::cuda {
namespace {

template <class S>
struct RowsShared {
  union {
    Stage<S> stages[S::kWarps][S::kStages];
    WarpSums<S> warps;
    PartFactors<S> parts;
  };
  alignas(128) unsigned char queries[2][S::kRows * S::kDim * 2];  // args.q, args.q_sink
  unsigned last;
};

/// s [kRows, kKeys] = queries * keys.
template <class S>
__device__ __forceinline__ void score_piece(float (&s)[S::kRowTiles][S::kKeyTiles][4],
                                            const unsigned char* queries, const unsigned char* keys,
                                            unsigned lane) {
  const LaneRows<S::kDim / 8, true> rows(lane);
#pragma unroll
  for (int i = 0; i < S::kRowTiles; ++i) {
#pragma unroll
    for (int j = 0; j < S::kKeyTiles; ++j) s[i][j][0] = s[i][j][1] = s[i][j][2] = s[i][j][3] = 0;
  }
#pragma unroll
  for (int c = 0; c < S::kDim / 32; ++c) {
    uint32_t a[2][S::kRowTiles][4];
#pragma unroll
    for (int k = 0; k < 2; ++k) {
#pragma unroll
      for (int i = 0; i < S::kRowTiles; ++i) ldmatrix_x4(a[k][i], queries + rows.at(16 * i, 2 * c + k));
    }
#pragma unroll
    for (int j = 0; j < S::kKeyTiles; j += 2) {
      uint32_t b[2][2][2];
      load_keys<S>(b, keys, 8 * j, c, lane);
#pragma unroll
      for (int k = 0; k < 2; ++k) {
#pragma unroll
        for (int i = 0; i < S::kRowTiles; ++i) {
          mma_m16n8k16_bf16(s[i][j], a[k][i], b[k][0]);
          mma_m16n8k16_bf16(s[i][j + 1], a[k][i], b[k][1]);
        }
      }
    }
  }
}

/// -infinity where a row does not see a key.
template <class S>
__device__ __forceinline__ void hide_piece(float (&s)[S::kRowTiles][S::kKeyTiles][4], const uint32_t* visible,
                                           unsigned lane) {
#pragma unroll
  for (int i = 0; i < S::kRowTiles; ++i) {
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      const uint32_t bits = load_shared(visible + (16 * i + 8 * h + lane / 4)) >> lane % 4 * 2;
#pragma unroll
      for (int j = 0; j < S::kKeyTiles; ++j) {
        if ((bits & 1u << 8 * j) == 0) s[i][j][2 * h] = -INFINITY;
        if ((bits & 2u << 8 * j) == 0) s[i][j][2 * h + 1] = -INFINITY;
      }
    }
  }
}

template <class S>
__device__ __forceinline__ void attend_piece(const AttentionParameters& p,
                                             RowSums<S::kRowTiles, S::kDimTiles>& sums,
                                             const RowsShared<S>& shared, const Stage<S>& stage,
                                             unsigned lane) {
  float s[S::kRowTiles][S::kKeyTiles][4];
  const bool other_queries = p.args.q_sink != nullptr && load_shared(&stage.kind) == kSinkKind;
  score_piece<S>(s, shared.queries[other_queries ? 1 : 0], stage.keys, lane);
  if constexpr (kv_has_scales(S::kType)) scale_scores(s, stage.scales[0], lane);
  if (p.args.soft_cap > 0) bend_scores(s, p.args.soft_cap);
  hide_piece<S>(s, stage.visible, lane);
  follow_scores(s, sums);
#pragma unroll
  for (int j = 0; j < S::kKeyTiles; ++j) {
    weigh_columns(s, j, sums);
    if constexpr (kv_has_scales(S::kType)) scale_columns(s, j, stage.scales[1], lane);
  }
#pragma unroll
  for (int k = 0; k < S::kKeys / 16; ++k) {
    uint32_t a[S::kRowTiles][4];
#pragma unroll
    for (int i = 0; i < S::kRowTiles; ++i) pack_weights(a[i], s[i], 2 * k);
#pragma unroll
    for (int c = 0; c < S::kDim / 32; ++c) {
      uint32_t b[4][2];
      load_values<S>(b, stage.values, 16 * k, c, lane);
#pragma unroll
      for (int i = 0; i < S::kRowTiles; ++i) {
#pragma unroll
        for (int j = 0; j < 4; ++j) mma_m16n8k16_bf16(sums.values[i][4 * c + j], a[i], b[j]);
      }
    }
  }
}

template <class S>
__global__ void __launch_bounds__(S::kThreads, 2) attention_rows(AttentionParameters p) {
  RowsShared<S>& shared = block_shared<RowsShared<S>>();
  const unsigned warp = threadIdx.x / kWarpLanes, lane = threadIdx.x % kWarpLanes;
  const PartPlace<S> place(p);
  const unsigned n_rows = min(p.rows - place.first_row, static_cast<unsigned>(S::kRows));
  const QueryTokens tokens = {place.first_row / p.group, (place.first_row + n_rows - 1) / p.group};
  const KeyOrder order = tokens.key_order(p);
  const unsigned tiles = static_cast<unsigned>(order.tiles()), warps = min(gridDim.y * S::kWarps, tiles);
  const unsigned parts = (warps + S::kWarps - 1) / S::kWarps, self = place.part * S::kWarps + warp;
  if (place.part >= parts) return;

  const KeyRange keys = self < warps ? order.part(self, warps) : KeyRange{0, 0};
  PieceStream<S> stream{p, shared.stages[warp], keys_left(tokens, keys), place.kv_head,
                        (place.first_row + min(lane, n_rows - 1)) / p.group};
#pragma unroll 1
  for (int i = 0; i < S::kStages - 1; ++i) stream.begin();
  constexpr auto kStage = stage_queries<S::kRows, S::kDim, S::kThreads, S::kColumns>;
  kStage(p, p.args.q, place.kv_head, place.first_row, shared.queries[0]);
  if (p.args.q_sink != nullptr) kStage(p, p.args.q_sink, place.kv_head, place.first_row, shared.queries[1]);
  block_sync();
  RowSums<S::kRowTiles, S::kDimTiles> sums;
  sums.clear();
  while (stream.take()) {
    const Stage<S>& piece = stream.piece();
    stream.begin();
    attend_piece<S>(p, sums, shared, piece, in_this_turn(lane));
  }
  cp_async_wait<0>();
  block_sync();
  shared.warps.store(sums, warp, lane);
  block_sync();
  shared.warps.merge(p, place, n_rows, parts == 1);
  if (parts == 1) return;
  block_sync();
  if (threadIdx.x == 0)
    store_shared(&shared.last, static_cast<unsigned>(place.count_arrival(p, parts) == parts - 1));
  block_sync();
  if (load_shared(&shared.last) != 0) shared.parts.merge(p, place, n_rows, parts);
}

template <KvType kType, int kDim, int kRowTiles>
cudaError_t launch_shape(const AttentionParameters& p, const AttentionRowsPlan& plan, cudaStream_t stream) {
  using Large = RowsShape<kType, kDim, kRowTiles>;
  const dim3 grid(static_cast<unsigned>(p.args.kv.n_kv_heads), static_cast<unsigned>(plan.parts),
                  static_cast<unsigned>(plan.blocks));
  return with_shape_that_fits<Large, sizeof(RowsShared<Large>), RowsShape<kType, kDim, kRowTiles, true>>(
      [&](auto shape) {
        using S = decltype(shape);
        return launch(attention_rows<S>, grid, dim3(S::kThreads), sizeof(RowsShared<S>), stream, p);
      });
}

template <KvType kType, int kDim>
cudaError_t launch_rows(const AttentionParameters& p, const AttentionRowsPlan& plan, cudaStream_t stream) {
  if constexpr (kDim <= 128) {
    if (plan.row_tiles == 2) return launch_shape<kType, kDim, 2>(p, plan, stream);
  }
  return launch_shape<kType, kDim, 1>(p, plan, stream);
}

}  // namespace

cudaError_t launch_attention_rows(const AttentionArgs& args, const int64_t* first_pos, cudaStream_t stream) {
  if (args.n_tokens == 0 || args.n_heads == 0) return cudaSuccess;
  const AttentionParameters p = attention_parameters(args, first_pos);
  const AttentionRowsPlan plan = plan_attention_rows(args);
  return with_constants_of(args.kv, [&](auto type, auto dim) {
    return launch_rows<decltype(type)::value, decltype(dim)::value>(p, plan, stream);
  });
}

}  // namespace transom::kernels::cuda
