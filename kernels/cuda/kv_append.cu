// SPDX-License-Identifier: Apache-2.0
// Writes keys and values into the ring and the rings of levels; contract in attention_args.h. A warp a row:
// it reads the row of one head of one token, and writes it wherever its position has a slot. bf16 and i8
// round to nearest even.
#include "kernels/cuda/kv_append.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/quantize.cuh"
#include "kernels/cuda/rows.cuh"

namespace transom::kernels::cuda {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / kWarpLanes;

/// kWidth numbers of a row as the cache holds them, to element `at` of the row.
template <KvType kType, int kWidth>
__device__ __forceinline__ void store_elements(char* row, size_t at, const Floats<kWidth>& x,
                                               const RowScale& scale) {
  if constexpr (kType == KvType::f32) {
    store_floats(reinterpret_cast<float*>(row) + at, x);
  } else if constexpr (kType == KvType::bf16) {
    uint16_t* to = reinterpret_cast<uint16_t*>(row) + at;
    if constexpr (kWidth == 4) {
      store_global(reinterpret_cast<uint2*>(to),
                   make_uint2(pack_bf16x2(x.of[0], x.of[1]), pack_bf16x2(x.of[2], x.of[3])));
    } else {
      store_global(to, static_cast<uint16_t>(pack_bf16x2(x.of[0], 0.0f)));
    }
  } else if constexpr (kWidth == 4) {
    store_global(reinterpret_cast<uint32_t*>(row + at),
                 pack_s8x4(quantized(x.of[0], scale), quantized(x.of[1], scale), quantized(x.of[2], scale),
                           quantized(x.of[3], scale)));
  } else {
    store_global(reinterpret_cast<int8_t*>(row + at), static_cast<int8_t>(quantized(x.of[0], scale)));
  }
}

/// At any address.
__device__ __forceinline__ void store_scale(char* to, float scale, bool aligned) {
  const uint32_t bits = float_as_bits(scale);
  if (aligned) {
    store_global(reinterpret_cast<uint32_t*>(to), bits);
  } else {
    for (int i = 0; i < 4; ++i) store_global(to + i, static_cast<char>(bits >> (8 * i)));
  }
}

/// The row of a lane's warp, to one slot.
template <KvType kType, int kWidth>
__device__ __forceinline__ void store_row(const KvView& kv, void* const* blocks, size_t head, size_t slot,
                                          const float* src, const RowScale& scale) {
  char* row = kv_row(kv, blocks, head, slot);
  const size_t lane = threadIdx.x % kWarpLanes;
  for (size_t at = lane * kWidth; at < kv.head_dim; at += kWarpLanes * kWidth)
    store_elements<kType, kWidth>(row, at, load_floats<kWidth>(src + at), scale);
  if (kType == KvType::i8 && lane == 0)
    store_scale(kv_scale(kv, blocks, head, slot), scale.scale, kWidth == 4);
}

/// The scale of a row, in all lanes.
template <int kWidth>
__device__ __forceinline__ RowScale scale_of(const float* src, size_t n) {
  uint32_t bits = 0;
  for (size_t at = threadIdx.x % kWarpLanes * kWidth; at < n; at += kWarpLanes * kWidth) {
    const Floats<kWidth> x = load_floats<kWidth>(src + at);
#pragma unroll
    for (int i = 0; i < kWidth; ++i) bits = larger(bits, magnitude_bits(x.of[i]));
  }
  return row_scale(warp_largest(bits));
}

template <KvType kType, int kWidth>
__global__ void __launch_bounds__(kThreads) kv_append(KvAppendArgs args, const int64_t* first_pos) {
  const KvView& kv = args.kv;
  const size_t row =
      size_t{blockIdx.x} * kWarps + threadIdx.x / kWarpLanes;  // [tokens, keys | values, heads]
  const size_t head = row % kv.n_kv_heads, token = row / kv.n_kv_heads / 2;
  if (token >= args.n_tokens) return;
  const bool keys = row / kv.n_kv_heads % 2 == 0;
  const float* src = (keys ? args.k : args.v) + token * args.row_stride + head * kv.head_dim;
  void* const* blocks = keys ? kv.keys : kv.values;
  RowScale scale = {0.0f, 0.0f};
  if constexpr (kType == KvType::i8) scale = scale_of<kWidth>(src, kv.head_dim);

  const int64_t first = first_pos == nullptr ? args.first_pos : load_global(first_pos);
  const int64_t pos = first + static_cast<int64_t>(token);
  store_row<kType, kWidth>(kv, blocks, head, ring_slot(kv, pos), src, scale);
  for (size_t level = 1; level <= kv.n_levels && pos % (int64_t{1} << level) == 0; ++level)
    store_row<kType, kWidth>(kv, blocks, head, level_slot(kv, level, pos >> level), src, scale);
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
  switch (args.kv.type) {
    case KvType::f32:
      return launch_type<KvType::f32>(args, first_pos, stream);
    case KvType::bf16:
      return launch_type<KvType::bf16>(args, first_pos, stream);
    case KvType::i8:
      return launch_type<KvType::i8>(args, first_pos, stream);
  }
  return cudaErrorInvalidValue;
}

}  // namespace transom::kernels::cuda
