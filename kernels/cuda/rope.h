// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime.h>

#include "kernels/common/rope_args.h"

namespace transom::kernels::cuda {

/// Contract in rope_args.h; pointers to device memory, any sizes. Fastest with heads, halves of them and
/// tables at multiples of 16 bytes. Queries and keys that lie side by side are one call with all their heads.
cudaError_t launch_rope(const RopeArgs& args, cudaStream_t stream);

}  // namespace transom::kernels::cuda
