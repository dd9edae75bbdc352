// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime.h>
#include <stddef.h>
#include <stdint.h>

namespace transom::kernels::cuda {

/// dst[i] = src[rows[i]]: rows of n floats, strides in elements; dst may not overlap src. Row numbers are
/// checked by the caller. All pointers to device memory.
struct GatherRowsArgs {
  const float* src = nullptr;
  size_t src_stride = 0;
  const int64_t* rows = nullptr;  ///< [n_rows]
  float* dst = nullptr;
  size_t dst_stride = 0;
  size_t n_rows = 0;
  size_t n = 0;
};

cudaError_t launch_gather_rows(const GatherRowsArgs& args, cudaStream_t stream);

}  // namespace transom::kernels::cuda
