// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime.h>

#include "kernels/cuda/linear_rows.h"

namespace transom::kernels::cuda {

/// Whether launch_dense_rows takes a weight: bf16, k a multiple of 8, data aligned to 16 bytes.
bool takes_dense_rows(const TiledWeight& weight);

/// launch_linear_rows with a weight that lies as plain rows: args.weight.data is [n, k] of bf16, as other
/// products of the same memory take it. Plan and scratch are those of launch_linear_rows with the same args.
cudaError_t launch_dense_rows(const TiledLinearArgs& args, const SplitScratch& scratch,
                              unsigned multiprocessors, cudaStream_t stream);

}  // namespace transom::kernels::cuda
