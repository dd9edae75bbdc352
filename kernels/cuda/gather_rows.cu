// SPDX-License-Identifier: Apache-2.0
// Some rows of a matrix, in the order asked for; contract in gather_rows.h.
#include "kernels/cuda/gather_rows.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/rows.cuh"

namespace transom::kernels::cuda {
namespace {

template <int kWidth>
__global__ void __launch_bounds__(kItemThreads) gather_rows(GatherRowsArgs args) {
  const size_t at = item_of_row() * kWidth;
  if (at >= args.n) return;
  const size_t row = static_cast<size_t>(load_global(args.rows + blockIdx.x));
  store_floats(args.dst + blockIdx.x * args.dst_stride + at,
               load_floats<kWidth>(args.src + row * args.src_stride + at));
}

}  // namespace

cudaError_t launch_gather_rows(const GatherRowsArgs& args, cudaStream_t stream) {
  if (args.n_rows == 0 || args.n == 0) return cudaSuccess;
  const bool fours =
      args.n % 4 == 0 && rows_in_fours(args.src, args.src_stride) && rows_in_fours(args.dst, args.dst_stride);
  return launch(fours ? gather_rows<4> : gather_rows<1>, item_grid(args.n_rows, fours ? args.n / 4 : args.n),
                dim3(kItemThreads), 0, stream, args);
}

}  // namespace transom::kernels::cuda
