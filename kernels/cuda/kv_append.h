// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime.h>

#include "kernels/common/attention_args.h"

namespace transom::kernels::cuda {

/// Contract in attention_args.h; pointers to device memory, the tables of blocks and what they point to as
/// well. first_pos: where to find the position of the first token when the kernel runs, null: args.first_pos.
/// So a captured launch may be replayed at any position. Any sizes; fastest with a head_dim that is a
/// multiple of 4 and rows of k and v at multiples of 16 bytes.
cudaError_t launch_kv_append(const KvAppendArgs& args, const int64_t* first_pos, cudaStream_t stream);

}  // namespace transom::kernels::cuda
