// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/cuda/shared_limit.cuh"
#include "tests/cuda_on_host/engine/execution.h"

namespace transom::cuda_on_host {

/// While it lives, the emulated device has as little shared memory as any has that kernels are for. (A GPU
/// keeps what it has.)
struct SmallDevice {
  SmallDevice() { limit_shared_memory(kernels::cuda::kLeastSharedBytes); }
  ~SmallDevice() { limit_shared_memory(kMostSharedBytes); }
  SmallDevice(const SmallDevice&) = delete;
  SmallDevice& operator=(const SmallDevice&) = delete;
};

}  // namespace transom::cuda_on_host
