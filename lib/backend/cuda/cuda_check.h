// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime.h>

#include "core/checks.h"
#include "transom/error.h"

namespace transom::backend {

/// @throws DeviceError that names what failed, unless `status` is success.
inline void check_cuda(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // a later call must not report this one again
  throw DeviceError(
      core::message("cuda: ", what, ": ", cudaGetErrorString(status), " (", cudaGetErrorName(status), ")"));
}

}  // namespace transom::backend
