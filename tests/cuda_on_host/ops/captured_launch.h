// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime.h>

#include "tests/cuda_on_host/device_array.h"
#include "tests/support/catch.h"

namespace transom::cuda_on_host {

/// What `launch` puts on a stream, captured once, to be run any number of times. Before that it is launched
/// as it is: CUDA may load a kernel when it is first launched, and that is no work for a capture.
class CapturedLaunch {
 public:
  template <class Launch>
  explicit CapturedLaunch(const Launch& launch) {
    REQUIRE(cudaStreamCreate(&stream_) == cudaSuccess);
    finish(launch(stream_), stream_);
    REQUIRE(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeGlobal) == cudaSuccess);
    REQUIRE(launch(stream_) == cudaSuccess);
    REQUIRE(cudaStreamEndCapture(stream_, &graph_) == cudaSuccess);
    REQUIRE(cudaGraphInstantiate(&exec_, graph_, 0) == cudaSuccess);
  }
  ~CapturedLaunch() {
    CHECK(cudaGraphExecDestroy(exec_) == cudaSuccess);
    CHECK(cudaGraphDestroy(graph_) == cudaSuccess);
    CHECK(cudaStreamDestroy(stream_) == cudaSuccess);
  }
  CapturedLaunch(const CapturedLaunch&) = delete;
  CapturedLaunch& operator=(const CapturedLaunch&) = delete;

  void run() { finish(cudaGraphLaunch(exec_, stream_), stream_); }

 private:
  cudaStream_t stream_ = nullptr;
  cudaGraph_t graph_ = nullptr;
  cudaGraphExec_t exec_ = nullptr;
};

}  // namespace transom::cuda_on_host
