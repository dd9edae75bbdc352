// SPDX-License-Identifier: Apache-2.0
// The largest logit of each row, the smaller id among equals: the maximum of key and inverted id as one
// number.
#include "kernels/cuda/choose_rows.cuh"
#include "kernels/cuda/launch.cuh"

namespace transom::kernels::cuda::choose {
namespace {

struct Shared {
  uint64_t warps[kWarps];
  unsigned arrived;
};

__device__ __forceinline__ uint64_t larger(uint64_t a, uint64_t b) { return a < b ? b : a; }

/// Over the block, in every thread. The scratch is free again after the next barrier.
__device__ __forceinline__ uint64_t block_max(uint64_t value, uint64_t* scratch) {
#pragma unroll
  for (int mask = kWarpLanes / 2; mask > 0; mask /= 2)
    value = larger(value, shuffle_wide(value, static_cast<int>(threadIdx.x % kWarpLanes) ^ mask));
  if (threadIdx.x % kWarpLanes == 0) store_shared(scratch + threadIdx.x / kWarpLanes, value);
  block_sync();
#pragma unroll
  for (unsigned warp = 0; warp < kWarps; ++warp) value = larger(value, load_shared(scratch + warp));
  return value;
}

template <int kWidth>
__global__ void __launch_bounds__(kThreads) choose_best(Arguments args) {
  Shared& shared = block_shared<Shared>();
  uint64_t best = 0;
  for_each_token<kWidth>(args, 0, [&](size_t id, float, uint32_t key) {
    best = larger(best, uint64_t{key} << 32 | (0xffffffffu - static_cast<uint32_t>(id)));
  });
  best = block_max(best, shared.warps);
  uint64_t* const partials = partials_of_row(args);
  if (threadIdx.x == 0) store_global(partials + blockIdx.x, best);
  if (!last_of_row(args, &shared.arrived)) return;
  best = 0;
  for (unsigned i = threadIdx.x; i < args.slices; i += kThreads)
    best = larger(best, load_global(partials + i));
  best = block_max(best, shared.warps);
  if (threadIdx.x != 0) return;
  State* const state = args.states + blockIdx.y;
  store_global(&state->best_key, static_cast<uint32_t>(best >> 32));
  store_global(&state->least_key, 0u);
  store_global(&state->crossing_key, 0u);
  store_global(&state->prefix, 0u);
  store_global(args.args.ids + blockIdx.y,
               best == 0 ? -1 : static_cast<int32_t>(0xffffffffu - static_cast<uint32_t>(best)));
}

}  // namespace

cudaError_t launch_choose_best(const Arguments& args, cudaStream_t stream) {
  return launch(in_fours(args.args) ? choose_best<4> : choose_best<1>, grid(args), dim3(kThreads),
                sizeof(Shared), stream, args);
}

}  // namespace transom::kernels::cuda::choose
