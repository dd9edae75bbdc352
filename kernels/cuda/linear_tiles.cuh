// SPDX-License-Identifier: Apache-2.0
// Product of many activation rows and an integer weight on tensor cores; contract in tiled_linear_args.h.
// What linear_tiles.cu and linear_tiles_int8.cu have in common.
//
// A block computes 128 outputs of 128 (or 64) rows, a warp 64 of 64. Stages of 128 bytes of each row, with
// the weight as it is packed, are copied to shared memory while earlier ones are multiplied. The weight is
// unpacked in registers, where each operand then serves 8 products. Sums of a group are kept apart and
// multiplied by its scales in f32: the operands of 32 (64) inputs stay in registers while the products of one
// row tile after the other run through 16 registers of sums.
#pragma once

#include "kernels/cuda/linear_tiles_block.cuh"
#include "kernels/cuda/linear_tiles_results.cuh"
#include "kernels/cuda/shared_limit.cuh"
#include "kernels/cuda/unpack.cuh"

namespace transom::kernels::cuda::tiles {

/// What products of S add up in: exact integers, also over a whole row when there is one group.
template <bool kInt>
struct SumOf {
  using Type = float;
};
template <>
struct SumOf<true> {
  using Type = int32_t;
};
template <class S>
using Sum = typename SumOf<S::kInt8>::Type;
template <class S>
using Total = typename SumOf<S::kInt8 && S::kFold == Fold::at_end>::Type;

/// Operands a of the products of a step, for the warp's strips.
template <class S>
__device__ __forceinline__ void load_operands(const Stage<S>& stage, const Lane& lane, int step,
                                              uint32_t (&a)[kWarpStrips][S::kProducts][4]) {
#pragma unroll
  for (unsigned m = 0; m < kWarpStrips; ++m) {
    const unsigned slot = lane.first_slot + m, lane_index = lane.g * 4 + lane.t;
    uint32_t words[kTileWords<S::kType>];
    if constexpr (S::kInt8) {
#pragma unroll
      for (unsigned tile = 0; tile < S::kProducts / 2; ++tile) {
        const unsigned number = step * S::kProducts / 2 + tile;
        load_tile(words, stage.weight[slot] + number * tile_bytes(S::kType), lane_index, FromShared());
        unpack_signed(words, 0, a[m][2 * tile]);
        unpack_signed(words, 1, a[m][2 * tile + 1]);
      }
    } else {
      load_tile(words, stage.weight[slot], lane_index, FromShared());
      Origins<S::kType> origins;
      set_origins<S::kType>(origins, kMiddleZeros<S::kType>);
#pragma unroll
      for (unsigned j = 0; j < S::kProducts / 2; ++j) {
        const unsigned half = step * S::kProducts / 2 + j;
        if constexpr (S::kFolds > 0) {
          const uint2 zeros = load_shared(&stage.zeros[half / S::kFoldBlocks][slot][lane.g]);
          set_origins<S::kType>(origins, zeros.x, zeros.y);
        }
        unpack<S::kType>(words, static_cast<int>(half), origins, a[m][2 * j], a[m][2 * j + 1]);
      }
    }
  }
}

/// Operands b of products 2 pair and 2 pair + 1 of the stage, rows 8 n .. 8 n + 7 of the warp.
template <class S>
__device__ __forceinline__ uint4 load_rows_of(const Stage<S>& stage, const Lane& lane, unsigned pair,
                                              unsigned n) {
  const unsigned char* chunks = stage.rows[lane.first_row + n * 8 + lane.g];
  const unsigned turn = chunk_turn(lane.g);
  if constexpr (!S::kInt8)
    return load_shared(reinterpret_cast<const uint4*>(chunks + ((4 * pair + lane.t) ^ turn) * 16));
  const unsigned first = 4 * pair + lane.t / 2, within = lane.t % 2 * 8;
  const uint2 low = load_shared(reinterpret_cast<const uint2*>(chunks + (first ^ turn) * 16 + within));
  const uint2 high = load_shared(reinterpret_cast<const uint2*>(chunks + ((first + 2) ^ turn) * 16 + within));
  return {low.x, low.y, high.x, high.y};
}

template <class S>
__device__ __forceinline__ void multiply(Sum<S> (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  if constexpr (S::kInt8) {
    mma_m16n8k32_s8(d, a, b);
  } else {
    mma_m16n8k16_f16(d, a, b);
  }
}

/// Adds the sums of a group, or of a part of one, times its scales.
template <class S>
__device__ __forceinline__ void fold(const Stage<S>& stage, const Lane& lane, unsigned number, unsigned n,
                                     const float2 (&scales)[kWarpStrips],
                                     const Sum<S> (&sums)[kWarpStrips][4],
                                     float (&total)[kWarpStrips][S::kRowTiles][4]) {
  if constexpr (!S::kInt8) {
#pragma unroll
    for (unsigned i = 0; i < kWarpStrips * 4; ++i)
      total[i / 4][n][i % 4] += (i % 4 < 2 ? scales[i / 4].x : scales[i / 4].y) * sums[i / 4][i % 4];
  } else {
    const unsigned row = lane.first_row + n * 8 + 2 * lane.t;
    const float2 row_scale = load_shared(reinterpret_cast<const float2*>(stage.row_scales[number] + row));
    int2 row_sum = make_int2(0, 0);
    if constexpr (S::kZeros)
      row_sum = load_shared(reinterpret_cast<const int2*>(stage.row_sums[number] + row));
#pragma unroll
    for (unsigned m = 0; m < kWarpStrips; ++m) {
      uint2 zero = make_uint2(0, 0);
      if constexpr (S::kZeros) zero = load_shared(&stage.zeros[number][lane.first_slot + m][lane.g]);
#pragma unroll
      for (unsigned i = 0; i < 4; ++i) {
        const float scale = (i % 2 == 0 ? row_scale.x : row_scale.y) * (i < 2 ? scales[m].x : scales[m].y);
        int32_t sum = sums[m][i];
        if constexpr (S::kZeros)
          sum -= static_cast<int32_t>(i < 2 ? zero.x : zero.y) * (i % 2 == 0 ? row_sum.x : row_sum.y);
        total[m][n][i] += static_cast<float>(sum) * scale;
      }
    }
  }
}

/// A part of a stage: the operands of the weight, then the products of one row tile after the other.
template <class S>
__device__ __forceinline__ void multiply_step(const Stage<S>& stage, const Lane& lane, int step,
                                              Total<S> (&total)[kWarpStrips][S::kRowTiles][4]) {
  constexpr unsigned kFolds = S::kFolds == 0 ? 1 : S::kFolds / S::kSteps,
                     kProductsOfFold = S::kProducts / kFolds;
  uint32_t a[kWarpStrips][S::kProducts][4];
  load_operands<S>(stage, lane, step, a);
  float2 scales[kFolds][kWarpStrips];
  if constexpr (S::kFolds > 0) {
#pragma unroll
    for (unsigned i = 0; i < kFolds * kWarpStrips; ++i)
      scales[i / kWarpStrips][i % kWarpStrips] = load_shared(
          &stage.scales[step * kFolds + i / kWarpStrips][lane.first_slot + i % kWarpStrips][lane.g]);
  }
#pragma unroll
  for (unsigned n = 0; n < S::kRowTiles; ++n) {
    uint32_t b[S::kProducts][2];
#pragma unroll
    for (unsigned pair = 0; pair < S::kProducts / 2; ++pair) {
      const uint4 loaded = load_rows_of<S>(stage, lane, step * S::kProducts / 2 + pair, n);
      b[2 * pair][0] = loaded.x;
      b[2 * pair][1] = loaded.y;
      b[2 * pair + 1][0] = loaded.z;
      b[2 * pair + 1][1] = loaded.w;
    }
#pragma unroll
    for (unsigned f = 0; f < kFolds; ++f) {
      Sum<S> of_group[kWarpStrips][4] = {};
#pragma unroll
      for (unsigned i = 0; i < kProductsOfFold * kWarpStrips; ++i) {
        const unsigned h = f * kProductsOfFold + i / kWarpStrips, m = i % kWarpStrips;
        if constexpr (S::kFolds == 0) {
          multiply<S>(total[m][n], a[m][h], b[h]);
        } else {
          multiply<S>(of_group[m], a[m][h], b[h]);
        }
      }
      if constexpr (S::kFolds > 0) fold<S>(stage, lane, step * kFolds + f, n, scales[f], of_group, total);
    }
  }
}

template <class S>
__device__ __forceinline__ void multiply_stage(const Stage<S>& stage, const Lane& lane,
                                               Total<S> (&total)[kWarpStrips][S::kRowTiles][4]) {
#pragma unroll
  for (int step = 0; step < static_cast<int>(S::kSteps); ++step) {
    // Operands that are loaded ahead of their step take the registers of sums.
    if (step > 0) warp_sync();
    multiply_step<S>(stage, lane, step, total);
  }
}

template <class S>
__global__ void __launch_bounds__(S::kThreads, S::kBlocks) linear_tiles(Arguments args) {
  Shared<S>& shared = block_shared<Shared<S>>();
  const Lane lane = lane_of_block<S>();
  const unsigned tiles = static_cast<unsigned>(tile_count(args.linear.weight.k));
  const unsigned stages = (tiles + S::kTiles - 1) / S::kTiles;
  const unsigned begin = stages * blockIdx.z / gridDim.z, end = stages * (blockIdx.z + 1) / gridDim.z;
  find_strips(args, shared);
  block_sync();
  for (unsigned i = 0; i + 1 < S::kStages; ++i) {
    if (begin + i < end) {
      copy_stage(args, shared, shared.stages[i], begin + i);
      if constexpr (S::kFolds > 0) {
        GroupLoads<S> groups;
        groups.load(args, shared, begin + i);
        groups.store(args, shared.stages[i]);
      }
    }
    cp_async_commit();
  }
  Total<S> total[kWarpStrips][S::kRowTiles][4] = {};
  unsigned here = 0, there = S::kStages - 1;  // of this stage, and of the one that is copied meanwhile
  for (unsigned number = begin; number < end; ++number) {
    const unsigned next = number + S::kStages - 1;
    cp_async_wait<static_cast<int>(S::kStages) - 2>();
    block_sync();  // the copies of all are there, and no one reads the stage before any more
    if (next < end) copy_stage(args, shared, shared.stages[there], next);
    cp_async_commit();
    if constexpr (S::kFolds == 0) {
      multiply_stage<S>(shared.stages[here], lane, total);
    } else {
      GroupLoads<S> groups;
      groups.load(args, shared, min(next, end - 1));
      multiply_stage<S>(shared.stages[here], lane, total);
      groups.store(args, shared.stages[there]);
    }
    here = here + 1 == S::kStages ? 0 : here + 1;
    there = there + 1 == S::kStages ? 0 : there + 1;
  }
  block_sync();  // results take the place of stages
  share_sums<S>(args, lane, total, shared);
  block_sync();
  const Columns<S> columns(args);
  if (gridDim.z == 1 || meet_splits(args, columns, shared)) store_results(args, columns, shared);
}

template <WeightType kType, ActivationType kActivations, Fold kFold, bool kZeros>
cudaError_t launch_shape(const Arguments& args, unsigned splits, cudaStream_t stream) {
  const auto launch_rows = [&](auto shape) {
    using S = decltype(shape);
    static_assert(sizeof(Shared<S>) <= kLeastSharedBytes);
    const size_t strips = strip_count(args.linear.weight.n);
    const dim3 grid(static_cast<unsigned>((args.linear.n_rows + S::kRows - 1) / S::kRows),
                    static_cast<unsigned>((strips + S::kStrips - 1) / S::kStrips), splits);
    return launch(linear_tiles<S>, grid, dim3(S::kThreads), sizeof(Shared<S>), stream, args);
  };
  // With fewer rows half of the products would be of none. (The smallest groups have too many terms for 64
  // threads.)
  if constexpr (kFold != Fold::every_32) {
    using Few = Shape<kType, kActivations, kFold, kZeros, 1>;
    if (args.linear.n_rows <= Few::kRows) return launch_rows(Few());
  }
  return launch_rows(Shape<kType, kActivations, kFold, kZeros, 2>());
}

}  // namespace transom::kernels::cuda::tiles
