// SPDX-License-Identifier: Apache-2.0
// Cosines and sines of position * inv_freq; contract in rope_args.h. The angle is formed in f32 as
// everywhere, and grows to millions; its remainder by pi / 2 and the polynomials are in f64, since sincosf
// reduces such angles in a table on the stack, and the fast instruction is off by whole turns. A step makes a
// few thousand of them, so that slow f64 units do not matter.
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/rope_table.h"
#include "kernels/cuda/rows.cuh"

namespace transom::kernels::cuda {
namespace {

struct CosSin {
  float cos, sin;
};

/// |x| < 2^31. The remainder is within 2^-50 of the right one; the polynomials are Taylor's, whose next terms
/// are below 10^-11 up to pi / 4.
__device__ __forceinline__ CosSin cos_sin(double x) {
  constexpr double kTwoOverPi = 0.63661977236758134308;
  constexpr double kHalfPi = 1.57079632679489655800, kHalfPiRest = 6.12323399573676603587e-17;
  const double quarter = rint(x * kTwoOverPi);
  const double r = fma(-quarter, kHalfPiRest, fma(-quarter, kHalfPi, x)), r2 = r * r;
  double sin = fma(r2, -1.0 / 39916800, 1.0 / 362880);
  sin = fma(r2, sin, -1.0 / 5040);
  sin = fma(r2, sin, 1.0 / 120);
  sin = fma(r2, sin, -1.0 / 6);
  sin = fma(r2 * r, sin, r);
  double cos = fma(r2, 1.0 / 479001600, -1.0 / 3628800);
  cos = fma(r2, cos, 1.0 / 40320);
  cos = fma(r2, cos, -1.0 / 720);
  cos = fma(r2, cos, 1.0 / 24);
  cos = fma(r2, cos, -0.5);
  cos = fma(r2, cos, 1.0);
  const int turn = static_cast<int>(quarter) & 3;
  const double turned_cos = (turn & 1) != 0 ? sin : cos, turned_sin = (turn & 1) != 0 ? cos : sin;
  return {static_cast<float>(turn == 1 || turn == 2 ? -turned_cos : turned_cos),
          static_cast<float>(turn >= 2 ? -turned_sin : turned_sin)};
}

__global__ void __launch_bounds__(kItemThreads) rope_table(RopeTableArgs args) {
  const size_t j = item_of_row();
  if (j >= args.half) return;
  const float angle =
      static_cast<float>(load_global(args.positions + blockIdx.x)) * load_global(args.inv_freq + j);
  const CosSin turned = cos_sin(static_cast<double>(angle));
  store_global(args.cos + blockIdx.x * args.half + j, turned.cos * args.magnitude);
  store_global(args.sin + blockIdx.x * args.half + j, turned.sin * args.magnitude);
}

}  // namespace

cudaError_t launch_rope_table(const RopeTableArgs& args, cudaStream_t stream) {
  if (args.n_tokens == 0 || args.half == 0) return cudaSuccess;
  return launch(rope_table, item_grid(args.n_tokens, args.half), dim3(kItemThreads), 0, stream, args);
}

}  // namespace transom::kernels::cuda
