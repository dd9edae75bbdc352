// SPDX-License-Identifier: Apache-2.0
// The norm that follows a product of few rows; contract at FollowingNorm. Its sums are added in the order of
// rms_norm.cu, whose blocks have other threads.
#pragma once

#include "kernels/cuda/held_row.cuh"
#include "kernels/cuda/linear_rows_block.cuh"
#include "kernels/cuda/reduce.cuh"
#include "kernels/cuda/row_norm.cuh"

namespace transom::kernels::cuda::rows {

/// As WarpTeam sums: by each warp, in every thread.
__device__ __forceinline__ float sum_short_row(const float* row, size_t n) {
  float sum = 0;
  for (size_t at = threadIdx.x % kWarpLanes * 4; at < n; at += kWarpLanes * 4)
    add_squares(sum, load_floats<4>(row + at));
  return warp_sum(sum);
}

/// As BlockTeam sums: a thread adds for those of its threads that fall on it. scratch: a float for each of
/// its warps, free again after the next barrier.
__device__ __forceinline__ float sum_long_row(const float* row, size_t n, float* scratch) {
  constexpr unsigned kTeam = BlockTeam::kThreads, kOfThread = kTeam / kThreads;
  static_assert(kTeam % kThreads == 0 && !BlockTeam::kWarp);
#pragma unroll
  for (unsigned i = 0; i < kOfThread; ++i) {
    const unsigned thread = i * kThreads + threadIdx.x;
    float sum = 0;
    for (size_t at = size_t{thread} * 4; at < n; at += kTeam * 4) add_squares(sum, load_floats<4>(row + at));
    sum = warp_sum(sum);
    if (threadIdx.x % kWarpLanes == 0) store_shared(scratch + thread / kWarpLanes, sum);
  }
  block_sync();
  float sum = 0;
#pragma unroll
  for (unsigned warp = 0; warp < kTeam / kWarpLanes; ++warp) sum += load_shared(scratch + warp);
  return sum;
}

/// Normalises all rows, in the last block of the launch that has stored results.
__device__ __forceinline__ void norm_results(const Arguments& args, Shared& shared) {
  const TiledLinearArgs& linear = args.linear;
  const FollowingNorm& norm = linear.norm;
  block_sync();
  if (threadIdx.x == 0) store_shared(&shared.arrived, count_arrival(norm.arrivals, args.plan.blocks - 1));
  block_sync();
  if (load_shared(&shared.arrived) != args.plan.blocks - 1) return;
  const size_t n = linear.weight.n;
  for (size_t row = 0; row < linear.n_rows; ++row) {
    const float* src = linear.dst + row * linear.dst_stride;
    const float sum = n <= kLongestOfWarp ? sum_short_row(src, n) : sum_long_row(src, n, shared.sums[0]);
    const float factor = norm_factor(sum, n, norm.epsilon);
    for (size_t at = size_t{threadIdx.x} * 4; at < n; at += kThreads * 4)
      store_floats(
          norm.normed + row * norm.normed_stride + at,
          normed(load_floats<4>(src + at), load_floats<4>(norm.weight + at), factor, norm.weight_offset));
    block_sync();  // before the next row's sums
  }
}

}  // namespace transom::kernels::cuda::rows
