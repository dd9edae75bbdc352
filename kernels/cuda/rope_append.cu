// SPDX-License-Identifier: Apache-2.0
// Rotation of queries and keys, and keys and values into the cache; contract in rope_append.h. A warp a row.
//
// A decode step of a Llama 7B moves 100 KB here, 30 ns of an H100's memory: what one launch in place of three
// spares is launches.
#include "kernels/cuda/cache_row.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/rope_append.h"
#include "kernels/cuda/rotate.cuh"

namespace transom::kernels::cuda {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / kWarpLanes;

/// n numbers in memory, of which the first 2 * half are rotated on their way; see cache_row.cuh. A row that
/// is read twice is rotated twice: once more from the L1 cache is cheaper than registers for any head_dim.
template <int kWidth>
struct RotatedRow {
  const float* src;
  size_t n, half;
  const float* cos;
  const float* sin;

  /// Calls use(index, pairs) for the pairs of this lane.
  template <class Use>
  __device__ __forceinline__ void for_each_pair(Use use) const {
    for (size_t at = threadIdx.x % kWarpLanes * kWidth; at < half; at += kWarpLanes * kWidth)
      use(at, rotate<kWidth>(src + at, half, cos + at, sin + at));
  }
  template <class Use>
  __device__ __forceinline__ void for_each(Use use) const {
    for_each_pair([&](size_t at, const RotatedPairs<kWidth>& pairs) {
      use(at, pairs.low);
      use(at + half, pairs.high);
    });
    PlainRow<kWidth>{src + 2 * half, n - 2 * half}.for_each(
        [&](size_t at, const Floats<kWidth>& x) { use(at + 2 * half, x); });
  }
};

template <KvType kType, int kWidth>
__global__ void __launch_bounds__(kThreads) rope_append(RopeAppendArgs args, const int64_t* first_pos) {
  const KvAppendArgs& append = args.append;
  const KvView& kv = append.kv;
  const unsigned heads = static_cast<unsigned>(args.n_heads), kv_heads = static_cast<unsigned>(kv.n_kv_heads);
  const unsigned row = blockIdx.x * kWarps + threadIdx.x / kWarpLanes,
                 of_token = heads + 2 * kv_heads;  // [tokens, queries | keys | values]
  const size_t token = row / of_token, half = args.rotary_dim / 2;
  if (token >= append.n_tokens) return;
  const unsigned head = row % of_token;
  const float* cos = args.cos + token * half;
  const float* sin = args.sin + token * half;
  if (head < heads) {
    float* q = args.q + token * args.q_stride + head * kv.head_dim;
    const RotatedRow<kWidth> rotated{q, kv.head_dim, half, cos, sin};
    rotated.for_each_pair([&](size_t at, const RotatedPairs<kWidth>& pairs) {
      store_floats(q + at, pairs.low);
      store_floats(q + at + half, pairs.high);
    });
    return;
  }
  const int64_t first = first_pos == nullptr ? append.first_pos : load_global(first_pos),
                pos = first + static_cast<int64_t>(token);
  const bool keys = head < heads + kv_heads;
  const unsigned kv_head = head - heads - (keys ? 0 : kv_heads);
  const float* src = (keys ? append.k : append.v) + token * append.row_stride + kv_head * kv.head_dim;
  if (keys) {
    append_row<kType, kWidth>(kv, kv.keys, kv_head, pos,
                              RotatedRow<kWidth>{src, kv.head_dim, half, cos, sin});
  } else {
    append_row<kType, kWidth>(kv, kv.values, kv_head, pos, PlainRow<kWidth>{src, kv.head_dim});
  }
}

bool takes_fours(const RopeAppendArgs& args) {
  const KvAppendArgs& append = args.append;
  const size_t half = args.rotary_dim / 2;
  return half % 4 == 0 && append.kv.head_dim % 4 == 0 && rows_in_fours(args.q, args.q_stride) &&
         rows_in_fours(append.k, append.row_stride) && rows_in_fours(append.v, append.row_stride) &&
         rows_in_fours(args.cos, half) && rows_in_fours(args.sin, half);
}

template <KvType kType>
cudaError_t launch_type(const RopeAppendArgs& args, const int64_t* first_pos, cudaStream_t stream) {
  const size_t rows = args.append.n_tokens * (args.n_heads + 2 * args.append.kv.n_kv_heads);
  return launch(takes_fours(args) ? rope_append<kType, 4> : rope_append<kType, 1>,
                dim3(static_cast<unsigned>((rows + kWarps - 1) / kWarps)), dim3(kThreads), 0, stream, args,
                first_pos);
}

}  // namespace

cudaError_t launch_rope_append(const RopeAppendArgs& args, const int64_t* first_pos, cudaStream_t stream) {
  if (args.append.n_tokens == 0) return cudaSuccess;
  return launch_of_type(args.append.kv.type, [&](auto type) {
    return launch_type<decltype(type)::kType>(args, first_pos, stream);
  });
}

}  // namespace transom::kernels::cuda
