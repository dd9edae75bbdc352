// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "kernels/cuda/launch.cuh"
#include "tests/cuda_on_host/device_array.h"

namespace transom::cuda_on_host {

struct Shape {
  unsigned threads = 32;
  std::size_t shared_bytes = 0;
  unsigned blocks = 1;
};

/// Launches and returns all failures in one text.
template <class... Parameters, class... Arguments>
std::string failures_of(void (*kernel)(Parameters...), Shape shape, const Arguments&... arguments) {
  const cudaError_t launched = kernels::cuda::launch(kernel, dim3(shape.blocks), dim3(shape.threads),
                                                     shape.shared_bytes, nullptr, arguments...);
  const cudaError_t done = cudaStreamSynchronize(nullptr);
  std::string text;
  for (const std::string& failure : take_failures()) text += failure + "\n";
  CHECK((launched != cudaSuccess || done != cudaSuccess) == !text.empty());
  return text;
}

inline void check_holds(const std::string& text, const std::string& words) {
  INFO(text);
  CHECK(text.find(words) != std::string::npos);
}

}  // namespace transom::cuda_on_host
