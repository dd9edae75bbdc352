// SPDX-License-Identifier: Apache-2.0
// How the sums of a block of linear_tiles become results: through shared memory, so that what follows is a
// short loop over whole rows.
#pragma once

#include "kernels/cuda/linear_tiles_block.cuh"
#include "kernels/cuda/stage_rows.cuh"

namespace transom::kernels::cuda::tiles {

/// A lane's place in the warp and the warp's in the block.
struct Lane {
  unsigned g, t, first_slot, first_row;
};
template <class S>
__device__ __forceinline__ Lane lane_of_block() {
  const unsigned warp = threadIdx.x / kWarpLanes, lane = threadIdx.x % kWarpLanes;
  return {lane / 4, lane % 4, warp % S::kOutputWarps * kWarpStrips, warp / S::kOutputWarps * S::kWarpRows};
}

/// Sums to shared.results, times the scales that have not multiplied them yet: of a row, and of a single
/// group. sums[m][n][i] is of output g + 8 (i / 2) of the warp's strip m and row 8 n + 2 t + i % 2 of the
/// warp.
template <class S, class Sum>
__device__ __forceinline__ void share_sums(const Arguments& args, const Lane& lane,
                                           const Sum (&sums)[kWarpStrips][S::kRowTiles][4],
                                           Shared<S>& shared) {
  constexpr bool kOneGroup = S::kFold == Fold::at_end;
  constexpr bool kRowScales = !S::kInt8 || kOneGroup;
  const unsigned last = static_cast<unsigned>(args.linear.n_rows) - 1;
  float2 scales[kWarpStrips];
#pragma unroll
  for (unsigned m = 0; m < kWarpStrips; ++m) {
    scales[m] = make_float2(1.0f, 1.0f);
    const size_t strip = readable_strip<S>(args, lane.first_slot + m);
    if (kOneGroup) scales[m] = load_scales(args.linear.weight, strip * (kStripOutputs / 2) + lane.g);
  }
#pragma unroll
  for (unsigned i = 0; i < S::kRowTiles * 2; ++i) {
    const unsigned row = lane.first_row + i / 2 * 8 + lane.t * 2 + i % 2;
    float factor = 1.0f;
    if (kRowScales) factor = load_global(args.activations.scales + min(blockIdx.x * S::kRows + row, last));
    float* results = shared.results[row] + lane.first_slot * kStripOutputs + lane.g;
#pragma unroll
    for (unsigned m = 0; m < kWarpStrips; ++m) {
      const Sum low = sums[m][i / 2][i % 2], high = sums[m][i / 2][2 + i % 2];
      store_shared(results + m * kStripOutputs, static_cast<float>(low) * (factor * scales[m].x));
      store_shared(results + m * kStripOutputs + 8, static_cast<float>(high) * (factor * scales[m].y));
    }
  }
}

/// A thread's outputs: columns lane, lane + 32 ... of the block.
template <class S>
struct Columns {
  static constexpr unsigned kCount = S::kOutputs / kWarpLanes;

  __device__ __forceinline__ explicit Columns(const Arguments& args) {
#pragma unroll
    for (unsigned j = 0; j < kCount; ++j) {
      const unsigned column = threadIdx.x % kWarpLanes + j * kWarpLanes;
      output[j] = strip_of<S>(args, column / kStripOutputs) * kStripOutputs + column % kStripOutputs;
    }
  }
  /// Calls visit(row of the block, row of all) for the rows of the thread's warp that there are.
  template <class Visit>
  static __device__ __forceinline__ void for_rows(const Arguments& args, Visit visit) {
    for (unsigned row = threadIdx.x / kWarpLanes; row < S::kRows; row += S::kThreads / kWarpLanes) {
      const size_t global_row = size_t{blockIdx.x} * S::kRows + row;
      if (global_row < args.linear.n_rows) visit(row, global_row);
    }
  }

  unsigned output[kCount];
};

/// Leaves the sums for the last block of these outputs and rows; true in that one.
template <class S>
__device__ __forceinline__ bool meet_splits(const Arguments& args, const Columns<S>& columns,
                                            Shared<S>& shared) {
  const size_t n = args.linear.weight.n;
  float* sums = args.scratch.sums + blockIdx.z * args.linear.n_rows * n;
  columns.for_rows(args, [&](unsigned row, size_t global_row) {
#pragma unroll
    for (unsigned j = 0; j < Columns<S>::kCount; ++j) {
      const float sum = load_shared(shared.results[row] + threadIdx.x % kWarpLanes + j * kWarpLanes);
      if (columns.output[j] < n) store_global(sums + global_row * n + columns.output[j], sum);
    }
  });
  block_sync();
  unsigned* arrivals = args.scratch.arrivals + blockIdx.y * gridDim.x + blockIdx.x;
  if (threadIdx.x == 0) store_shared(&shared.arrived, count_arrival(arrivals, gridDim.z - 1));
  block_sync();
  return load_shared(&shared.arrived) == gridDim.z - 1;
}

/// Sums that are complete, of the block or of all splits in their order, with what the contract adds to them.
template <class S>
__device__ __forceinline__ void store_results(const Arguments& args, const Columns<S>& columns,
                                              const Shared<S>& shared) {
  constexpr unsigned kCount = Columns<S>::kCount;
  const TiledLinearArgs& linear = args.linear;
  const size_t n = linear.weight.n, n_outputs = linear.gated ? n / 2 : n;
  float bias[kCount];
#pragma unroll
  for (unsigned j = 0; j < kCount; ++j)
    bias[j] = linear.weight.bias != nullptr && columns.output[j] < n
                  ? load_global(linear.weight.bias + columns.output[j])
                  : 0.0f;
  columns.for_rows(args, [&](unsigned row, size_t global_row) {
    float values[kCount];
#pragma unroll
    for (unsigned j = 0; j < kCount; ++j) {
      if (gridDim.z == 1) {
        values[j] = load_shared(shared.results[row] + threadIdx.x % kWarpLanes + j * kWarpLanes);
      } else {
        values[j] = 0;
        const float* sums = args.scratch.sums + global_row * n + columns.output[j];
        for (unsigned split = 0; split < gridDim.z && columns.output[j] < n; ++split)
          values[j] += load_global(sums + split * linear.n_rows * n);
      }
      values[j] += bias[j];
    }
    float* dst = linear.dst + global_row * linear.dst_stride;
#pragma unroll
    for (unsigned j = 0; j < kCount; ++j) {
      // Columns of a warp's products: 32 of the gate, then 32 of up.
      if (linear.gated) values[j] = values[j] / (1.0f + expf(-values[j])) * values[(j + 1) % kCount];
      if ((linear.gated && j % 2 == 1) || columns.output[j] >= n_outputs) continue;
      float* at = dst + columns.output[j];
      store_global(at, linear.accumulate ? load_global(at) + values[j] : values[j]);
    }
  });
}

}  // namespace transom::kernels::cuda::tiles
