// SPDX-License-Identifier: Apache-2.0
#include "backend/cuda/cuda_memory.h"

#include "backend/cuda/cuda_check.h"

namespace transom::backend {

core::Buffer allocate_device(std::size_t bytes, const char* purpose) {
  if (bytes == 0) return {};
  void* data = nullptr;
  const cudaError_t status = cudaMalloc(&data, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    std::size_t free = 0, total = 0;
    cudaMemGetInfo(&free, &total);
    throw OutOfMemory(
        core::message("cuda: cannot allocate ", bytes, " bytes for ", purpose, ": ", free, " of ", total,
                      " bytes are free; gpu_layers leaves layers to the CPU, quantization takes less "
                      "for weights, max_context, attention_window or kv_cache_dtype for the "
                      "KV cache, prefill_chunk for the workspace"));
  }
  check_cuda(status, "cudaMalloc");
  core::Buffer buffer({static_cast<std::byte*>(data), [](std::byte* memory) { cudaFree(memory); }}, bytes);
  check_cuda(cudaMemset(data, 0, bytes), "cudaMemset");
  check_cuda(cudaStreamSynchronize(nullptr), "cudaMemset");  // our own streams do not wait for it
  return buffer;
}

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
