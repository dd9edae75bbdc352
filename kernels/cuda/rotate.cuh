// SPDX-License-Identifier: Apache-2.0
// The pairs of rope_args.h, rotated: one function for all kernels, so that a number is the same whoever
// rotates it.
#pragma once

#include "kernels/cuda/rows.cuh"

namespace transom::kernels::cuda {

/// Dimensions j .. j + kWidth - 1 and those half a rotation behind.
template <int kWidth>
struct RotatedPairs {
  Floats<kWidth> low, high;
};

/// x: dimension j of a head; cos, sin: of its token, at j.
template <int kWidth>
__device__ __forceinline__ RotatedPairs<kWidth> rotate(const float* x, size_t half, const float* cos,
                                                       const float* sin) {
  const Floats<kWidth> low = load_floats<kWidth>(x);
  const Floats<kWidth> high = load_floats<kWidth>(x + half);
  const Floats<kWidth> c = load_floats<kWidth>(cos);
  const Floats<kWidth> s = load_floats<kWidth>(sin);
  RotatedPairs<kWidth> rotated;
#pragma unroll
  for (int i = 0; i < kWidth; ++i) {
    // Spelled out: a compiler may contract either product, and not the same one in every kernel.
    rotated.low.of[i] = fmaf(-high.of[i], s.of[i], low.of[i] * c.of[i]);
    rotated.high.of[i] = fmaf(low.of[i], s.of[i], high.of[i] * c.of[i]);
  }
  return rotated;
}

}  // namespace transom::kernels::cuda
