// SPDX-License-Identifier: Apache-2.0
// Sums and maxima over the threads of a block.
#pragma once

#include "kernels/cuda/ptx.cuh"

namespace transom::kernels::cuda {

__device__ __forceinline__ float warp_sum(float value) {
#pragma unroll
  for (int mask = kWarpLanes / 2; mask > 0; mask /= 2) value += shuffle_xor(value, mask);
  return value;
}

/// The sum over the block, in every thread. scratch: a float per warp in shared memory, free again after the
/// next barrier.
template <int kThreads>
__device__ __forceinline__ float block_sum(float value, float* scratch) {
  constexpr int kWarps = kThreads / kWarpLanes;
  value = warp_sum(value);
  if (threadIdx.x % kWarpLanes == 0) store_shared(scratch + threadIdx.x / kWarpLanes, value);
  block_sync();
  float sum = 0;
#pragma unroll
  for (int warp = 0; warp < kWarps; ++warp) sum += load_shared(scratch + warp);
  return sum;
}

}  // namespace transom::kernels::cuda
