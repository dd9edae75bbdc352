// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime.h>

#include <cstddef>

#include "backend/cuda/cuda_check.h"
#include "core/buffer.h"

namespace transom::bench {

/// Zeroed memory of the current device, for any stream.
inline core::Buffer device_memory(std::size_t bytes) {
  if (bytes == 0) return {};
  void* data = nullptr;
  backend::check_cuda(cudaMalloc(&data, bytes), "cudaMalloc");
  core::Buffer buffer({static_cast<std::byte*>(data), [](std::byte* memory) { cudaFree(memory); }}, bytes);
  backend::check_cuda(cudaMemset(data, 0, bytes), "cudaMemset");
  backend::check_cuda(cudaStreamSynchronize(nullptr), "cudaMemset");  // other streams do not wait for it
  return buffer;
}

}  // namespace transom::bench
