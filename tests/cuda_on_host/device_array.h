// SPDX-License-Identifier: Apache-2.0
/// Memory and launches for the tests of kernels, in the emulation and, with the real toolkit, in
/// tests/cuda_on_gpu, which answers for access_counts.h, failures.h and reverse_blocks with nothing counted
/// and nothing to tell.
#pragma once

#include <cuda_runtime.h>

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tests/cuda_on_host/engine/access_counts.h"
#include "tests/cuda_on_host/engine/failures.h"
#include "tests/support/catch.h"

namespace transom::cuda_on_host {

/// Device memory of `count` elements behind `shift` others, so that it begins misaligned; all bits set at
/// first, which are no number in every format.
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(std::size_t count, std::size_t shift = 0) : count_(count), shift_(shift) {
    const std::size_t bytes = (count + shift) * sizeof(T);
    REQUIRE(cudaMalloc(&base_, bytes) == cudaSuccess);
    if (bytes > 0) REQUIRE(cudaMemset(base_, 0xff, bytes) == cudaSuccess);
  }
  explicit DeviceArray(const std::vector<T>& values, std::size_t shift = 0)
      : DeviceArray(values.size(), shift) {
    upload(values);
  }
  DeviceArray(DeviceArray&& other) noexcept
      : base_(std::exchange(other.base_, nullptr)), count_(other.count_), shift_(other.shift_) {}
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;
  ~DeviceArray() { cudaFree(base_); }

  T* data() { return base_ + shift_; }
  const T* data() const { return base_ + shift_; }
  std::size_t size() const { return count_; }

  void upload(std::span<const T> values) {
    REQUIRE(values.size() == count_);
    if (count_ > 0)
      REQUIRE(cudaMemcpy(data(), values.data(), count_ * sizeof(T), cudaMemcpyHostToDevice) == cudaSuccess);
  }
  std::vector<T> download() const {
    std::vector<T> values(count_);
    if (count_ > 0)
      REQUIRE(cudaMemcpy(values.data(), data(), count_ * sizeof(T), cudaMemcpyDeviceToHost) == cudaSuccess);
    return values;
  }

 private:
  T* base_ = nullptr;
  std::size_t count_, shift_;
};

/// Checks that a launch, and all that was launched before, went well.
inline void finish(cudaError_t launched, cudaStream_t stream = nullptr) {
  const cudaError_t done = cudaStreamSynchronize(stream);
  for (const std::string& text : take_failures()) UNSCOPED_INFO(text);
  CHECK(launched == cudaSuccess);
  CHECK(done == cudaSuccess);
}

}  // namespace transom::cuda_on_host
