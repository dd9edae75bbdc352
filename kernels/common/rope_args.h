// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace transom::kernels {

/// Rotary position embedding, half-split pairing (dimension j with j + rotary_dim/2), in place.
///
///   x[j]       = x[j] * cos - x[j + r/2] * sin
///   x[j + r/2] = x[j + r/2] * cos + x[j] * sin     with angle = position[t] * inv_freq[j]
///
/// x [n_tokens, n_heads, head_dim]: row stride in elements, heads contiguous. Dimensions from rotary_dim on
/// pass unchanged. cos and sin are multiplied by `magnitude` (the attention factor of yarn and longrope, else
/// 1). The tables hold cos and sin of each token of this call: cos, sin [n_tokens, rotary_dim/2], made once
/// per forward by rope_table and shared by all layers with the same frequencies. Source: Su et al. 2021;
/// pairing as in Hugging Face transformers (rotate_half).
struct RopeArgs {
  float* x = nullptr;
  size_t row_stride = 0;
  size_t n_tokens = 0;
  size_t n_heads = 0;
  size_t head_dim = 0;
  size_t rotary_dim = 0;
  const float* cos = nullptr;
  const float* sin = nullptr;
};

/// Fills the tables of RopeArgs: cos(position * inv_freq[j]) * magnitude. The product is formed in f32, as
/// the reference implementation does.
struct RopeTableArgs {
  const int64_t* positions = nullptr;  ///< [n_tokens]
  const float* inv_freq = nullptr;     ///< [half]
  size_t n_tokens = 0;
  size_t half = 0;
  float magnitude = 1;
  float* cos = nullptr;  ///< [n_tokens, half]
  float* sin = nullptr;
};

}  // namespace transom::kernels
