// SPDX-License-Identifier: Apache-2.0
// Rotary position embedding in place; contract in rope_args.h. A thread rotates four neighbouring pairs, or
// one where heads are not aligned.
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/rope.h"
#include "kernels/cuda/rotate.cuh"

namespace transom::kernels::cuda {
namespace {

template <int kWidth>
__global__ void __launch_bounds__(kItemThreads) rope(RopeArgs args) {
  const unsigned half = static_cast<unsigned>(args.rotary_dim / 2), per_head = half / kWidth;
  const unsigned item = static_cast<unsigned>(item_of_row()), head = item / per_head,
                 j = item % per_head * kWidth;
  if (head >= args.n_heads) return;
  float* x = args.x + blockIdx.x * args.row_stride + head * args.head_dim + j;
  const size_t at = size_t{blockIdx.x} * half + j;
  const RotatedPairs<kWidth> rotated = rotate<kWidth>(x, half, args.cos + at, args.sin + at);
  store_floats(x, rotated.low);
  store_floats(x + half, rotated.high);
}

}  // namespace

cudaError_t launch_rope(const RopeArgs& args, cudaStream_t stream) {
  const size_t half = args.rotary_dim / 2;
  if (args.n_tokens == 0 || args.n_heads == 0 || half == 0) return cudaSuccess;
  const bool fours = half % 4 == 0 && args.head_dim % 4 == 0 && rows_in_fours(args.x, args.row_stride) &&
                     rows_in_fours(args.cos, half) && rows_in_fours(args.sin, half);
  return launch(fours ? rope<4> : rope<1>, item_grid(args.n_tokens, args.n_heads * (fours ? half / 4 : half)),
                dim3(kItemThreads), 0, stream, args);
}

}  // namespace transom::kernels::cuda
