// SPDX-License-Identifier: Apache-2.0
// What the stages of choosing a token share: a row cut into slices, a block each, and what the stages know of
// a row.
#pragma once

#include <math.h>

#include "kernels/common/token_weight.h"
#include "kernels/cuda/choose.h"
#include "kernels/cuda/rows.cuh"

namespace transom::kernels::cuda::choose {

constexpr unsigned kThreads = 256, kWarps = kThreads / kWarpLanes;
/// Tokens of a block: 16 a thread, so that 152k tokens are 38 blocks, whose sums the last of them adds up in
/// one go.
constexpr unsigned kSlice = 16 * kThreads;
/// Values of a digit of keys, and sums that a block leaves for the last one at the most.
constexpr unsigned kDigits = 16, kDigitBits = 4;

/// Of a row, from stage to stage.
struct State {
  uint32_t best_key;      // 0: no token is possible
  uint32_t least_key;     // that top-k lets pass
  uint32_t crossing_key;  // the least that top-p lets pass, 0 without it
  uint32_t prefix;        // digits of the key that is looked for
  uint64_t wanted;        // of the measure, from keys with this prefix
  uint64_t ties;          // tokens of the crossing key that top-p lets pass, the first ones
};

struct Arguments {
  ChooseArgs args;
  unsigned* arrivals;
  State* states;       // [n_rows]
  uint64_t* partials;  // [n_rows, slices, kDigits]
  unsigned slices;
};

__device__ __forceinline__ uint64_t* partials_of_row(const Arguments& args) {
  return args.partials + size_t{blockIdx.y} * args.slices * kDigits;
}

/// Larger for larger logits, the same for both zeros; 0 for what is never chosen.
__device__ __forceinline__ uint32_t logit_key(float logit) {
  if (!(logit > -INFINITY)) return 0;
  const uint32_t bits = float_as_bits(logit + 0.0f);  // -0 becomes 0
  return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}
__device__ __forceinline__ float key_logit(uint32_t key) {
  return bits_as_float((key & 0x80000000u) != 0 ? key & 0x7fffffffu : ~key);
}

/// Calls use(id, logit, key) for this thread's tokens of the block's slice that may be chosen and whose key
/// is at least `least`.
template <int kWidth, class Use>
__device__ __forceinline__ void for_each_token(const Arguments& args, uint32_t least, Use use) {
  const float* logits = args.args.logits + blockIdx.y * args.args.stride;
  const size_t usable = load_global(&args.args.rows[blockIdx.y].usable);
#pragma unroll
  for (unsigned i = 0; i < kSlice / (kThreads * kWidth); ++i) {
    const size_t at = size_t{blockIdx.x} * kSlice + (i * kThreads + threadIdx.x) * kWidth;
    if (at >= usable) continue;
    const Floats<kWidth> some = load_floats<kWidth>(logits + at);
#pragma unroll
    for (int c = 0; c < kWidth; ++c) {
      const uint32_t key = logit_key(some.of[c]);
      if (at + static_cast<size_t>(c) < usable && key != 0 && key >= least)
        use(at + static_cast<size_t>(c), some.of[c], key);
    }
  }
}

__device__ __forceinline__ uint64_t shuffle_wide(uint64_t value, int from_lane) {
  const uint32_t low = shuffle(static_cast<uint32_t>(value), from_lane);
  const uint32_t high = shuffle(static_cast<uint32_t>(value >> 32), from_lane);
  return uint64_t{high} << 32 | low;
}

/// True in the block of a row that is the last to come here: what the others stored before is then seen. A
/// barrier for shared memory as well. arrived: a word of it.
__device__ __forceinline__ bool last_of_row(const Arguments& args, unsigned* arrived) {
  block_sync();
  if (threadIdx.x == 0) store_shared(arrived, count_arrival(args.arrivals + blockIdx.y, args.slices - 1));
  block_sync();
  return load_shared(arrived) == args.slices - 1;
}

struct Scan {
  uint64_t before, total;
};
/// The sum over the threads before this one, and over all. scratch: a number per warp, free again afterwards.
__device__ __forceinline__ Scan block_scan(uint64_t value, uint64_t* scratch) {
  const int lane = static_cast<int>(threadIdx.x % kWarpLanes);
  const unsigned warp = threadIdx.x / kWarpLanes;
  uint64_t sum = value;
#pragma unroll
  for (int reach = 1; reach < kWarpLanes; reach *= 2) {
    const uint64_t other = shuffle_wide(sum, (lane - reach) & (kWarpLanes - 1));
    if (lane >= reach) sum += other;
  }
  if (lane == kWarpLanes - 1) store_shared(scratch + warp, sum);
  block_sync();
  Scan scan{sum - value, 0};
#pragma unroll
  for (unsigned w = 0; w < kWarps; ++w) {
    const uint64_t of_warp = load_shared(scratch + w);
    if (w < warp) scan.before += of_warp;
    scan.total += of_warp;
  }
  block_sync();
  return scan;
}

/// Whether rows can be read four numbers at a time.
inline bool in_fours(const ChooseArgs& args) {
  return args.vocab % 4 == 0 && rows_in_fours(args.logits, args.stride);
}
inline dim3 grid(const Arguments& args) { return dim3(args.slices, static_cast<unsigned>(args.args.n_rows)); }

/// The best token of each row; begins its state, and is the whole choice of a greedy row.
cudaError_t launch_choose_best(const Arguments& args, cudaStream_t stream);
/// Finds the key down to which top-k (weights = false) or top-p lets tokens pass.
cudaError_t launch_choose_threshold(const Arguments& args, bool weights, cudaStream_t stream);
/// Draws from what is left.
cudaError_t launch_choose_draw(const Arguments& args, cudaStream_t stream);

}  // namespace transom::kernels::cuda::choose
