// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime.h>

#include "kernels/cuda/tiled_linear_args.h"

namespace transom::kernels::cuda {

inline constexpr size_t kMostLinearRows = 16;

/// How a product of few rows is cut over the device. It depends on shapes alone.
struct LinearRowsPlan {
  unsigned strips = 1;  ///< of a block: 1, 2, 4 or 8
  unsigned blocks = 1;  ///< that cover the outputs
  unsigned splits = 1;  ///< of the inputs over blocks
  unsigned chunk = 1;   ///< tiles of a strip whose activations are in shared memory at a time
};
LinearRowsPlan plan_linear_rows(const TiledLinearArgs& args, unsigned multiprocessors);

/// Floats of SplitScratch::sums.
size_t linear_rows_sums(const TiledLinearArgs& args, unsigned multiprocessors);

/// Rows that are normalised by the last block of their product: to read, sum and write one takes it about a
/// microsecond, a launch of its own for all of them about three (computed for an H100, not measured).
inline constexpr size_t kMostNormedRows = 2;
/// Whether these launches take args with a norm: a product of so few rows, not gated, with n a multiple of 4
/// and dst, normed and the norm's weight in rows that begin at multiples of 16 bytes.
bool takes_norm(const TiledLinearArgs& args);

/// Contract in tiled_linear_args.h, for integer weights and 1 .. kMostLinearRows rows: reads the weight once,
/// as a stream. multiprocessors: of the device.
cudaError_t launch_linear_rows(const TiledLinearArgs& args, const SplitScratch& scratch,
                               unsigned multiprocessors, cudaStream_t stream);

}  // namespace transom::kernels::cuda
