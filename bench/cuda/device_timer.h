// SPDX-License-Identifier: Apache-2.0
/// Times on a GPU, by its own events.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "backend/cuda/cuda_check.h"

namespace transom::bench {

class DeviceTimer {
 public:
  DeviceTimer() {
    backend::check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
    backend::check_cuda(cudaEventCreate(&begin_), "cudaEventCreate");
    backend::check_cuda(cudaEventCreate(&end_), "cudaEventCreate");
  }
  ~DeviceTimer() {
    cudaEventDestroy(begin_);
    cudaEventDestroy(end_);
    cudaStreamDestroy(stream_);
  }
  DeviceTimer(const DeviceTimer&) = delete;
  DeviceTimer& operator=(const DeviceTimer&) = delete;

  /// Seconds of one launch, the median of `runs` series of `launches`. launch(i) is called with a running
  /// number, for buffers that take turns.
  double seconds(const std::function<cudaError_t(int, cudaStream_t)>& launch, int launches = 20,
                 int runs = 7) {
    int number = 0;
    for (int i = 0; i < 3; ++i) backend::check_cuda(launch(number++, stream_), "a warm-up launch");
    std::vector<double> times;
    for (int run = 0; run < runs; ++run) {
      backend::check_cuda(cudaEventRecord(begin_, stream_), "cudaEventRecord");
      for (int i = 0; i < launches; ++i) backend::check_cuda(launch(number++, stream_), "a launch");
      backend::check_cuda(cudaEventRecord(end_, stream_), "cudaEventRecord");
      backend::check_cuda(cudaEventSynchronize(end_), "cudaEventSynchronize");
      float milliseconds = 0;
      backend::check_cuda(cudaEventElapsedTime(&milliseconds, begin_, end_), "cudaEventElapsedTime");
      times.push_back(static_cast<double>(milliseconds) * 1e-3 / launches);
    }
    std::ranges::nth_element(times, times.begin() + runs / 2);
    return times[static_cast<std::size_t>(runs / 2)];
  }

 private:
  cudaStream_t stream_ = nullptr;
  cudaEvent_t begin_ = nullptr, end_ = nullptr;
};

}  // namespace transom::bench
