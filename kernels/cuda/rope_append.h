// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime.h>

#include "kernels/common/attention_args.h"

namespace transom::kernels::cuda {

/// Rotary position embedding of queries and keys, as RopeArgs says, and keys and values on into the cache, as
/// KvAppendArgs says: what rope, rope and kv_append leave, number by number, in one launch. Queries are
/// rotated in place; keys are left as they were.
struct RopeAppendArgs {
  float* q = nullptr;  ///< [n_tokens, n_heads, head_dim]
  size_t q_stride = 0;
  size_t n_heads = 0;
  size_t rotary_dim = 0;
  const float* cos = nullptr;  ///< [n_tokens, rotary_dim / 2]
  const float* sin = nullptr;
  KvAppendArgs append;
};

/// first_pos: as of launch_kv_append. Any sizes; fastest with heads, halves of the rotated part and tables at
/// multiples of 16 bytes.
cudaError_t launch_rope_append(const RopeAppendArgs& args, const int64_t* first_pos, cudaStream_t stream);

}  // namespace transom::kernels::cuda
