// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime.h>

#include <string>

#include "core/checks.h"
#include "transom/error.h"

namespace transom::backend {

/// @throws DeviceError that names what failed, unless `status` is success. OutOfMemory where the driver had
/// no memory left for what it needs itself: kernels that are loaded when they are first launched, graphs.
inline void check_cuda(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // a later call must not report this one again
  const std::string text =
      core::message("cuda: ", what, ": ", cudaGetErrorString(status), " (", cudaGetErrorName(status), ")");
  if (status == cudaErrorMemoryAllocation) throw OutOfMemory(text);
  throw DeviceError(text);
}

}  // namespace transom::backend
