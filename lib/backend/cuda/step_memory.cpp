// SPDX-License-Identifier: Apache-2.0
#include "backend/cuda/step_memory.h"

#include <algorithm>
#include <cstring>

#include "backend/cuda/cuda_check.h"
#include "backend/cuda/pinned_memory.h"

namespace transom::backend {

namespace {

// Enough for a decode step of most models, so that it goes up in one copy.
constexpr std::size_t kChunkBytes = std::size_t{256} << 10;
constexpr std::size_t kSlotAlignment = 16;

}  // namespace

void StepMemory::restart() {
  for (Chunk& chunk : chunks_) chunk.used = chunk.uploaded = 0;
  current_ = 0;
  ++walk_;
}

const std::byte* StepMemory::put_bytes(std::span<const std::byte> bytes) {
  const std::size_t size = (bytes.size() + kSlotAlignment - 1) / kSlotAlignment * kSlotAlignment;
  while (current_ < chunks_.size() && chunks_[current_].host.size() - chunks_[current_].used < size)
    ++current_;
  if (current_ == chunks_.size()) {
    const std::size_t all = std::max(size, kChunkBytes);
    constexpr const char* kPurpose = "the parameters of a step";
    chunks_.push_back({allocate_pinned(all, kPurpose), arena_.allocate(all, kPurpose)});
  }
  Chunk& chunk = chunks_[current_];
  std::memcpy(chunk.host.data() + chunk.used, bytes.data(), bytes.size());
  const std::byte* const device = chunk.device.data() + chunk.used;
  chunk.used += size;
  return device;
}

void StepMemory::upload(cudaStream_t stream) {
  for (Chunk& chunk : chunks_) {
    if (chunk.uploaded == chunk.used) continue;
    check_cuda(cudaMemcpyAsync(chunk.device.data() + chunk.uploaded, chunk.host.data() + chunk.uploaded,
                               chunk.used - chunk.uploaded, cudaMemcpyHostToDevice, stream),
               "cudaMemcpyAsync");
    chunk.uploaded = chunk.used;
  }
}

}  // namespace transom::backend
