// SPDX-License-Identifier: Apache-2.0
// How much shared memory a block may take, which differs between processors that run the same machine code.
#pragma once

#include <cuda_runtime.h>
#include <stddef.h>

namespace transom::kernels::cuda {

/// What every processor from sm_80 on has for a block: sm_86, sm_89 and sm_120. (sm_80 and sm_87: 163 KB;
/// sm_90 and sm_100: 227 KB.)
constexpr size_t kLeastSharedBytes = 99 * 1024;

/// Of the current device.
inline size_t most_shared_bytes() {
  int device = 0, bytes = 0;
  if (cudaGetDevice(&device) != cudaSuccess ||
      cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device) != cudaSuccess)
    return kLeastSharedBytes;
  return static_cast<size_t>(bytes);
}

/// start(shape) with the shape that a launch takes: Large, or Small where a block has too little for it.
/// kLarge: what Large takes. Where every device has that, nothing is asked for and Small is not compiled.
template <class Large, size_t kLarge, class Small, class Start>
cudaError_t with_shape_that_fits(const Start& start) {
  if constexpr (kLarge > kLeastSharedBytes) {
    if (kLarge > most_shared_bytes()) return start(Small());
  }
  return start(Large());
}

}  // namespace transom::kernels::cuda
