// SPDX-License-Identifier: Apache-2.0
#include "backend/cuda/pinned_memory.h"

#include "backend/cuda/cuda_check.h"

namespace transom::backend {

core::Buffer allocate_pinned(std::size_t bytes, const char* purpose) {
  if (bytes == 0) return {};
  void* data = nullptr;
  const cudaError_t status = cudaMallocHost(&data, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    throw OutOfMemory(core::message("cuda: cannot lock ", bytes, " bytes of memory for ", purpose));
  }
  check_cuda(status, "cudaMallocHost");
  return {{static_cast<std::byte*>(data), [](std::byte* memory) { cudaFreeHost(memory); }}, bytes};
}

}  // namespace transom::backend
