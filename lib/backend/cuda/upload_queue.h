// SPDX-License-Identifier: Apache-2.0
/// Weights on their way to the device: while one is copied, the next is packed.
#pragma once

#include <cuda_runtime.h>

#include <array>
#include <cstddef>
#include <span>

#include "core/buffer.h"

namespace transom::backend {

class UploadQueue {
 public:
  UploadQueue();
  ~UploadQueue();
  UploadQueue(const UploadQueue&) = delete;
  UploadQueue& operator=(const UploadQueue&) = delete;

  /// Memory for the next weight, page-locked where there is so much, once the copy that last used it is done.
  /// @throws OutOfMemory.
  std::span<std::byte> begin(std::size_t bytes);
  /// Copies what begin() gave to the device, in the order of the stream.
  void send(std::byte* device, cudaStream_t stream);
  /// The memory goes, once its copies are done.
  void release();

 private:
  struct Staging {
    core::Buffer memory;
    cudaEvent_t copied = nullptr;
    std::size_t bytes = 0;
  };
  std::array<Staging, 2> stagings_;
  std::size_t current_ = 0;
};

}  // namespace transom::backend
