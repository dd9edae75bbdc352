// SPDX-License-Identifier: Apache-2.0
// A block of linear_rows: its arguments, its shared memory, and how its sums become results.
#pragma once

#include "kernels/cuda/group_index.cuh"
#include "kernels/cuda/linear_rows.h"
#include "kernels/cuda/stage_rows.cuh"

namespace transom::kernels::cuda::rows {

constexpr unsigned kWarps = 8;
constexpr unsigned kThreads = kWarps * kWarpLanes;

/// Shared memory for two blocks on a multiprocessor of an A100 (164 KB) and three on one of an H100.
constexpr unsigned kRowHalves = 20 * 1024;
constexpr unsigned kGroupBytes = 24 * 1024;
/// Elements between rows beyond the chunk: two rows, which a quarter of a warp loads from, differ by half of
/// the banks.
constexpr unsigned kRowPadding = 32;
/// Floats of a warp's sums: those of the next begin on the other half of the banks.
constexpr unsigned kWarpSums = kMostLinearRows * kStripOutputs + 16;

struct Shared {
  alignas(16) uint16_t rows[kRowHalves];
  alignas(16) unsigned char groups[kGroupBytes];
  float sums[kWarps][kWarpSums];
  unsigned maxima[kMostLinearRows * kWarps];
  float factors[kMostLinearRows];
  unsigned arrived;
};

struct Arguments {
  TiledLinearArgs linear;
  LinearRowsPlan plan;
  SplitScratch scratch;
  GroupIndex group_of;
};

/// The strip that a warp or a column of results works on; past the last: strip_count. gated: the upper half
/// of the slots is of the second half of the outputs.
__device__ __forceinline__ unsigned strip_of(const Arguments& args, unsigned slot) {
  const unsigned strips = static_cast<unsigned>(strip_count(args.linear.weight.n));
  if (!args.linear.gated) return min(blockIdx.x * args.plan.strips + slot, strips);
  const unsigned half = args.plan.strips / 2, strip = blockIdx.x * half + slot % half;
  return strip >= strips / 2 ? strips : strip + slot / half * (strips / 2);
}

/// Where a sum lies among those of its warp. Eights of outputs turn with the rows, so that the lanes of a
/// product, 8 outputs of 4 rows, fall on banks of their own, and 16 outputs of 2 rows as well.
__device__ __forceinline__ unsigned sum_index(unsigned row, unsigned output) {
  return row / 2 * 32 + (row / 2 + row % 2 * 2 + output / 8) % 4 * 8 + output % 8;
}

/// Sums of a warp to shared memory, times `scale`, of outputs g and g + 8.
template <int kRowTiles>
__device__ __forceinline__ void store_sums(float2 scale, const float (&total)[kRowTiles][4], float* sums) {
  const unsigned g = threadIdx.x % kWarpLanes / 4, t = threadIdx.x % 4;
#pragma unroll
  for (int i = 0; i < kRowTiles * 4; ++i) {
    const unsigned row = i / 4 * 8 + 2 * t + i % 2, output = g + i % 4 / 2 * 8;
    store_shared(sums + sum_index(row, output), total[i / 4][i % 4] * (i % 4 < 2 ? scale.x : scale.y));
  }
}

/// The sum over the warps of a strip.
__device__ __forceinline__ float sum_of_warps(const Arguments& args, const Shared& shared, unsigned slot,
                                              unsigned row, unsigned output) {
  float sum = 0;
  for (unsigned warp = slot; warp < kWarps; warp += args.plan.strips)
    sum += load_shared(shared.sums[warp] + sum_index(row, output));
  return sum;
}

/// Leaves the block's sums for the last block of its outputs; true in that one, where all sums are there.
__device__ __forceinline__ bool leave_sums(const Arguments& args, Shared& shared) {
  const size_t n = args.linear.weight.n, rows = args.linear.n_rows;
  float* to = args.scratch.sums + blockIdx.y * rows * n;
  for (unsigned i = threadIdx.x; i < args.plan.strips * rows * kStripOutputs; i += kThreads) {
    const unsigned output = i % kStripOutputs, slot = i / kStripOutputs % args.plan.strips;
    const unsigned row = i / kStripOutputs / args.plan.strips;
    const size_t column = strip_of(args, slot) * kStripOutputs + output;
    if (column < n) store_global(to + row * n + column, sum_of_warps(args, shared, slot, row, output));
  }
  block_sync();
  if (threadIdx.x == 0)
    store_shared(&shared.arrived, count_arrival(args.scratch.arrivals + blockIdx.x, args.plan.splits - 1));
  block_sync();
  return load_shared(&shared.arrived) == args.plan.splits - 1;
}

/// A sum that is complete, over the block's warps or over all splits in their order, and its bias.
__device__ __forceinline__ float complete_sum(const Arguments& args, const Shared& shared, unsigned slot,
                                              unsigned row, unsigned output) {
  const TiledWeight& weight = args.linear.weight;
  const size_t column = strip_of(args, slot) * kStripOutputs + output;
  float sum = 0;
  if (args.plan.splits == 1) {
    sum = sum_of_warps(args, shared, slot, row, output);
  } else {
    const float* from = args.scratch.sums + row * weight.n + column;
    for (unsigned i = 0; i < args.plan.splits; ++i)
      sum += load_global(from + i * args.linear.n_rows * weight.n);
  }
  return weight.bias == nullptr ? sum : sum + load_global(weight.bias + column);
}

__device__ __forceinline__ void store_results(const Arguments& args, const Shared& shared) {
  const TiledLinearArgs& linear = args.linear;
  const unsigned slots = linear.gated ? args.plan.strips / 2 : args.plan.strips;
  const size_t columns = linear.gated ? linear.weight.n / 2 : linear.weight.n;
  for (unsigned i = threadIdx.x; i < slots * linear.n_rows * kStripOutputs; i += kThreads) {
    const unsigned output = i % kStripOutputs, slot = i / kStripOutputs % slots,
                   row = i / kStripOutputs / slots;
    const size_t column = strip_of(args, slot) * kStripOutputs + output;
    if (column >= columns) continue;
    float value = complete_sum(args, shared, slot, row, output);
    if (linear.gated)
      value = value / (1.0f + expf(-value)) * complete_sum(args, shared, slot + slots, row, output);
    float* dst = linear.dst + row * linear.dst_stride + column;
    store_global(dst, linear.accumulate ? load_global(dst) + value : value);
  }
}

}  // namespace transom::kernels::cuda::rows
