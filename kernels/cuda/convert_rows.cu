// SPDX-License-Identifier: Apache-2.0
// f32 rows to bf16; contract in convert_rows.h. A thread takes four elements, or one where rows are not
// aligned.
#include "kernels/cuda/convert_rows.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/rows.cuh"

namespace transom::kernels::cuda {
namespace {

template <int kWidth>
__global__ void __launch_bounds__(kItemThreads) convert_rows(ConvertRowsArgs args) {
  const size_t at = item_of_row() * kWidth;
  if (at >= args.k) return;
  const Floats<kWidth> x = load_floats<kWidth>(args.src + blockIdx.x * args.src_stride + at);
  uint16_t* dst = args.dst + blockIdx.x * args.k + at;
  if constexpr (kWidth == 4) {
    store_global(reinterpret_cast<uint2*>(dst),
                 make_uint2(pack_bf16x2(x.of[0], x.of[1]), pack_bf16x2(x.of[2], x.of[3])));
  } else {
    store_global(dst, static_cast<uint16_t>(pack_bf16x2(x.of[0], 0.0f)));
  }
}

}  // namespace

cudaError_t launch_convert_rows(const ConvertRowsArgs& args, cudaStream_t stream) {
  if (args.n_rows == 0 || args.k == 0) return cudaSuccess;
  const bool fours = args.k % 4 == 0 && rows_in_fours(args.src, args.src_stride) &&
                     rows_begin_at(sizeof(uint2), args.dst, args.k * sizeof(uint16_t));
  return launch(fours ? convert_rows<4> : convert_rows<1>,
                item_grid(args.n_rows, fours ? args.k / 4 : args.k), dim3(kItemThreads), 0, stream, args);
}

}  // namespace transom::kernels::cuda
