// SPDX-License-Identifier: Apache-2.0
// dst = silu(gate) * up, row by row; contract in elementwise_args.h. f32 throughout: the exponential is
// within two units of the last place, and where it overflows the product is 0, as it is to 38 digits.
#include <math.h>

#include "kernels/cuda/gated_mul.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/rows.cuh"

namespace transom::kernels::cuda {
namespace {

__device__ __forceinline__ float silu(float x) { return x / (1.0f + expf(-x)); }

template <int kWidth>
__global__ void __launch_bounds__(kItemThreads) gated_mul(GatedMulArgs args) {
  const size_t at = item_of_row() * kWidth;
  if (at >= args.n) return;
  const float* from = args.src + blockIdx.x * args.src_stride + at;
  const Floats<kWidth> gate = load_floats<kWidth>(from);
  const Floats<kWidth> up = load_floats<kWidth>(from + args.n);
  Floats<kWidth> product;
#pragma unroll
  for (int i = 0; i < kWidth; ++i) product.of[i] = silu(gate.of[i]) * up.of[i];
  store_floats(args.dst + blockIdx.x * args.dst_stride + at, product);
}

}  // namespace

cudaError_t launch_gated_mul(const GatedMulArgs& args, cudaStream_t stream) {
  if (args.n_tokens == 0 || args.n == 0) return cudaSuccess;
  const bool fours =
      args.n % 4 == 0 && rows_in_fours(args.src, args.src_stride) && rows_in_fours(args.dst, args.dst_stride);
  return launch(fours ? gated_mul<4> : gated_mul<1>, item_grid(args.n_tokens, fours ? args.n / 4 : args.n),
                dim3(kItemThreads), 0, stream, args);
}

}  // namespace transom::kernels::cuda
