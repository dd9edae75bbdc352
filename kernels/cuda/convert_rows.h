// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime.h>
#include <stddef.h>
#include <stdint.h>

namespace transom::kernels::cuda {

/// dst[r, i] = bf16(src[r, i]), rounded to nearest even; dst [n_rows, k] dense, as cuBLASLt takes it.
struct ConvertRowsArgs {
  const float* src = nullptr;
  size_t src_stride = 0;  ///< elements
  uint16_t* dst = nullptr;
  size_t n_rows = 0;
  size_t k = 0;
};

cudaError_t launch_convert_rows(const ConvertRowsArgs& args, cudaStream_t stream);

}  // namespace transom::kernels::cuda
