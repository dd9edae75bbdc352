// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace transom::kernels {

/// Gate of the MLP: dst[t, i] = silu(src[t, i]) * src[t, n + i], silu(x) = x / (1 + exp(-x)).
/// src [n_tokens, 2n] (gate | up), dst [n_tokens, n], strides in elements; dst may not overlap src.
struct GatedMulArgs {
  const float* src = nullptr;
  size_t src_stride = 0;
  float* dst = nullptr;
  size_t dst_stride = 0;
  size_t n_tokens = 0;
  size_t n = 0;
};

enum class TableType : uint8_t { f32, bf16, f16 };

/// Rows of an embedding table as f32: dst[t] = table[ids[t]] * scale. Ids are checked by the caller.
/// table [vocab, hidden] row-major, any alignment of the element's size; dst [n_tokens, hidden].
struct EmbedArgs {
  const void* table = nullptr;
  TableType type = TableType::f32;
  const int32_t* ids = nullptr;
  float* dst = nullptr;
  size_t dst_stride = 0;
  size_t n_tokens = 0;
  size_t hidden = 0;
  float scale = 1;
};

/// dst[t, i] += src[t, i], strides in elements; dst may not overlap src. `linear` adds by itself
/// (accumulate); this is for sums that no product ends.
struct AddArgs {
  const float* src = nullptr;
  size_t src_stride = 0;
  float* dst = nullptr;
  size_t dst_stride = 0;
  size_t n_tokens = 0;
  size_t n = 0;
};

}  // namespace transom::kernels
