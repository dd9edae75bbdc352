// SPDX-License-Identifier: Apache-2.0
#include "backend/cuda/upload_queue.h"

#include "backend/cuda/cuda_check.h"
#include "backend/cuda/pinned_memory.h"

namespace transom::backend {

namespace {

/// Systems let a process lock only a part of their memory, WSL a small one: ordinary memory, which the driver
/// copies once more, will do.
core::Buffer allocate_staging(std::size_t bytes) {
  constexpr const char* kPurpose = "weights on their way to the device";
  try {
    return allocate_pinned(bytes, kPurpose);
  } catch (const OutOfMemory&) {
    return {bytes, kPurpose, core::Buffer::Pages::lazy};
  }
}

}  // namespace

UploadQueue::UploadQueue() {
  for (Staging& staging : stagings_)
    check_cuda(cudaEventCreateWithFlags(&staging.copied, cudaEventDisableTiming), "cudaEventCreate");
}

UploadQueue::~UploadQueue() {
  for (Staging& staging : stagings_) {
    cudaEventSynchronize(staging.copied);
    cudaEventDestroy(staging.copied);
  }
}

std::span<std::byte> UploadQueue::begin(std::size_t bytes) {
  current_ = 1 - current_;
  Staging& staging = stagings_[current_];
  check_cuda(cudaEventSynchronize(staging.copied), "cudaEventSynchronize");
  if (staging.memory.size() < bytes) {
    staging.memory = {};
    staging.memory = allocate_staging(bytes);
  }
  staging.bytes = bytes;
  return {staging.memory.data(), bytes};
}

void UploadQueue::send(std::byte* device, cudaStream_t stream) {
  Staging& staging = stagings_[current_];
  check_cuda(cudaMemcpyAsync(device, staging.memory.data(), staging.bytes, cudaMemcpyHostToDevice, stream),
             "cudaMemcpyAsync");
  check_cuda(cudaEventRecord(staging.copied, stream), "cudaEventRecord");
}

void UploadQueue::release() {
  for (Staging& staging : stagings_) {
    if (!staging.memory) continue;
    check_cuda(cudaEventSynchronize(staging.copied), "cudaEventSynchronize");
    staging.memory = {};
  }
}

}  // namespace transom::backend
