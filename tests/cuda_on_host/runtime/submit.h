// SPDX-License-Identifier: Apache-2.0
/// What a launch hands to the emulated runtime.
#pragma once

#include <functional>

#include <cuda_runtime.h>

namespace transom::cuda_on_host {

/// body: the kernel with its arguments, called once by each thread.
cudaError_t submit_launch(cudaStream_t stream, const void* kernel, dim3 grid, dim3 block, std::size_t shared_bytes,
                          std::function<void()> body);

}  // namespace transom::cuda_on_host
