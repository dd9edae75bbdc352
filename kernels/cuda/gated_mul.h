// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime.h>

#include "kernels/common/elementwise_args.h"

namespace transom::kernels::cuda {

/// Contract in elementwise_args.h; pointers to device memory, any sizes. Fastest with rows at multiples of 16
/// bytes.
cudaError_t launch_gated_mul(const GatedMulArgs& args, cudaStream_t stream);

}  // namespace transom::kernels::cuda
