// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime.h>

#include "kernels/common/rms_norm_args.h"

namespace transom::kernels::cuda {

/// Contract in rms_norm_args.h; pointers to device memory, any sizes.
cudaError_t launch_rms_norm(const RmsNormArgs& args, cudaStream_t stream);

}  // namespace transom::kernels::cuda
