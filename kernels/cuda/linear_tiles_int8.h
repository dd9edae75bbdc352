// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime.h>

namespace transom::kernels::cuda::tiles {

struct Arguments;

/// The kernels of linear_tiles with int8 activations and 8-bit weights.
cudaError_t launch_int8(const Arguments& args, unsigned splits, cudaStream_t stream);

}  // namespace transom::kernels::cuda::tiles
