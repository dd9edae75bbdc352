// SPDX-License-Identifier: Apache-2.0
// The arithmetic of RmsNormArgs: one set of functions for all kernels, so that a row is the same whoever
// normalises it.
#pragma once

#include <math.h>

#include "kernels/cuda/rows.cuh"

namespace transom::kernels::cuda {

template <int kWidth>
__device__ __forceinline__ void add_squares(float& sum, const Floats<kWidth>& x) {
#pragma unroll
  for (int i = 0; i < kWidth; ++i) sum += x.of[i] * x.of[i];
}

__device__ __forceinline__ float norm_factor(float sum_of_squares, size_t n, float epsilon) {
  return 1.0f / sqrtf(sum_of_squares / static_cast<float>(n) + epsilon);
}

template <int kWidth>
__device__ __forceinline__ Floats<kWidth> normed(Floats<kWidth> x, const Floats<kWidth>& weight, float factor,
                                                 float weight_offset) {
#pragma unroll
  for (int i = 0; i < kWidth; ++i) x.of[i] *= factor * (weight.of[i] + weight_offset);
  return x;
}

}  // namespace transom::kernels::cuda
