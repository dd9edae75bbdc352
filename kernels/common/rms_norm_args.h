// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>

namespace transom::kernels {

/// Root-mean-square normalisation of each row.
///
///   dst[t, i] = src[t, i] / sqrt(mean_j(src[t, j]^2) + epsilon) * (weight[i] + weight_offset)
///
/// Shapes: src, dst [n_tokens, hidden], strides in elements; weight [hidden]. src may equal dst; partial
/// overlap is not allowed. With heads, each of n_tokens tokens has so many rows of `hidden`, a head stride apart
/// (CUDA; the CPU is called for each token's heads). weight_offset is 1 for families that store weights around zero, else 0. Per-head
/// norms (q_norm) use n_tokens = tokens * heads, hidden = head_dim. Source: Zhang and Sennrich 2019, eq. 4.
struct RmsNormArgs {
  const float* src = nullptr;
  size_t src_stride = 0;
  const float* weight = nullptr;
  float* dst = nullptr;
  size_t dst_stride = 0;
  size_t n_tokens = 0;
  size_t hidden = 0;
  float epsilon = 0;
  float weight_offset = 0;
  size_t heads = 1;
  size_t src_head_stride = 0, dst_head_stride = 0;
};

}  // namespace transom::kernels
