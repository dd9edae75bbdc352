// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime.h>

#include "kernels/common/rope_args.h"

namespace transom::kernels::cuda {

/// Contract in rope_args.h; pointers to device memory, the positions too. Right to the last place of f32 or
/// the one before it for any position below 2^31 and inv_freq up to 1.
cudaError_t launch_rope_table(const RopeTableArgs& args, cudaStream_t stream);

}  // namespace transom::kernels::cuda
