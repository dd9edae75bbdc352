// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime.h>

#include "kernels/common/elementwise_args.h"

namespace transom::kernels::cuda {

/// Contract in elementwise_args.h; pointers to device memory, the ids too, any sizes. Fastest with rows of
/// the table at multiples of four elements and rows of dst at multiples of 16 bytes.
cudaError_t launch_embed(const EmbedArgs& args, cudaStream_t stream);

}  // namespace transom::kernels::cuda
