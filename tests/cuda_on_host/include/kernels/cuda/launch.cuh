// SPDX-License-Identifier: Apache-2.0
/// Stands in for kernels/cuda/launch.cuh where kernels run on the host.
#pragma once

#include <cuda_runtime.h>

#include <tuple>

#include "tests/cuda_on_host/runtime/submit.h"

namespace transom::kernels::cuda {

/// Starts kernel(args...) with shared_bytes of block_shared. Threads of a block: whole warps.
template <class... Parameters, class... Arguments>
cudaError_t launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared_bytes,
                   cudaStream_t stream, const Arguments&... arguments) {
  return cuda_on_host::submit_launch(
      stream, reinterpret_cast<const void*>(kernel), grid, block, shared_bytes,
      [kernel, values = std::tuple<Parameters...>(static_cast<Parameters>(arguments)...)] {
        std::apply(kernel, values);
      });
}

}  // namespace transom::kernels::cuda
