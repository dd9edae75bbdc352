// SPDX-License-Identifier: Apache-2.0
// Writes keys and values into the ring and the rings of levels; contract in attention_args.h. A warp a row.
#include "kernels/cuda/cache_row.cuh"
#include "kernels/cuda/kv_append.h"
#include "kernels/cuda/launch.cuh"

namespace transom::kernels::cuda {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / kWarpLanes;

template <KvType kType, int kWidth>
__global__ void __launch_bounds__(kThreads) kv_append(KvAppendArgs args, const int64_t* first_pos) {
  const KvView& kv = args.kv;
  const size_t row =
      size_t{blockIdx.x} * kWarps + threadIdx.x / kWarpLanes;  // [tokens, keys | values, heads]
  const size_t head = row % kv.n_kv_heads, token = row / kv.n_kv_heads / 2;
  if (token >= args.n_tokens) return;
  const bool keys = row / kv.n_kv_heads % 2 == 0;
  const float* src = (keys ? args.k : args.v) + token * args.row_stride + head * kv.head_dim;
  const int64_t first = first_pos == nullptr ? args.first_pos : load_global(first_pos);
  append_row<kType, kWidth>(kv, keys ? kv.keys : kv.values, head, first + static_cast<int64_t>(token),
                            PlainRow<kWidth>{src, kv.head_dim});
}

template <KvType kType>
cudaError_t launch_type(const KvAppendArgs& args, const int64_t* first_pos, cudaStream_t stream) {
  const bool fours = args.kv.head_dim % 4 == 0 && rows_in_fours(args.k, args.row_stride) &&
                     rows_in_fours(args.v, args.row_stride);
  const size_t rows = args.n_tokens * 2 * args.kv.n_kv_heads;
  return launch(fours ? kv_append<kType, 4> : kv_append<kType, 1>,
                dim3(static_cast<unsigned>((rows + kWarps - 1) / kWarps)), dim3(kThreads), 0, stream, args,
                first_pos);
}

}  // namespace

cudaError_t launch_kv_append(const KvAppendArgs& args, const int64_t* first_pos, cudaStream_t stream) {
  if (args.n_tokens == 0) return cudaSuccess;
  return launch_of_type(
      args.kv.type, [&](auto type) { return launch_type<decltype(type)::kType>(args, first_pos, stream); });
}

}  // namespace transom::kernels::cuda
