// SPDX-License-Identifier: Apache-2.0
// How launchers start kernels, in place of <<< >>>, which only nvcc reads. tests/cuda_on_host has a file of
// this name for CPUs.
#pragma once

#include <cuda_runtime.h>
#include <stddef.h>

namespace transom::kernels::cuda {

/// Starts kernel(args...) with shared_bytes of block_shared. Threads of a block: whole warps.
template <class... Parameters, class... Arguments>
cudaError_t launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared_bytes,
                   cudaStream_t stream, const Arguments&... arguments) {
  constexpr size_t kWithoutAsking = 48 * 1024;
  if (shared_bytes > kWithoutAsking) {
    const cudaError_t status =
        cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                             cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared_bytes));
    if (status != cudaSuccess) return status;
  }
  cudaLaunchConfig_t config = {};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared_bytes;
  config.stream = stream;
  return cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...);
}

}  // namespace transom::kernels::cuda
