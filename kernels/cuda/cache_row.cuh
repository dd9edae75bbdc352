// SPDX-License-Identifier: Apache-2.0
// A row of one head of one token, on its way into the cache: written by a warp wherever its position has a
// slot; contract at KvAppendArgs. All types but f32 round to nearest even.
//
// Row: where the numbers come from. row.for_each(use) calls use(index, Floats<kWidth>) for the numbers of the
// calling lane, the same ones each time.
#pragma once

#include "kernels/common/attention_args.h"
#include "kernels/cuda/quantize.cuh"
#include "kernels/cuda/rows.cuh"

namespace transom::kernels::cuda {

/// n numbers in memory.
template <int kWidth>
struct PlainRow {
  const float* src;
  size_t n;

  template <class Use>
  __device__ __forceinline__ void for_each(Use use) const {
    for (size_t at = threadIdx.x % kWarpLanes * kWidth; at < n; at += kWarpLanes * kWidth)
      use(at, load_floats<kWidth>(src + at));
  }
};

/// The byte of a number in a row of i8 or e4m3.
template <KvType kType>
__device__ __forceinline__ int32_t byte_of(float x, const RowScale& scale) {
  return kType == KvType::i8 ? quantized(x, scale) : rounded_e4m3(x, scale);
}

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
                 pack_s8x4(byte_of<kType>(x.of[0], scale), byte_of<kType>(x.of[1], scale),
                           byte_of<kType>(x.of[2], scale), byte_of<kType>(x.of[3], scale)));
  } else {
    store_global(reinterpret_cast<uint8_t*>(row + at), static_cast<uint8_t>(byte_of<kType>(x.of[0], scale)));
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

/// To one slot.
template <KvType kType, int kWidth, class Row>
__device__ __forceinline__ void store_row(const KvView& kv, void* const* blocks, size_t head, size_t slot,
                                          const Row& row, const RowScale& scale) {
  char* to = kv_row(kv, blocks, head, slot);
  row.for_each([&](size_t at, const Floats<kWidth>& x) { store_elements<kType, kWidth>(to, at, x, scale); });
  if (kv_has_scales(kType) && threadIdx.x % kWarpLanes == 0)
    store_scale(kv_scale(kv, blocks, head, slot), scale.scale, kWidth == 4);
}

/// The scale of a row, in all lanes.
template <KvType kType, int kWidth, class Row>
__device__ __forceinline__ RowScale scale_of(const Row& row) {
  uint32_t bits = 0;
  row.for_each([&](size_t, const Floats<kWidth>& x) {
#pragma unroll
    for (int i = 0; i < kWidth; ++i) bits = larger(bits, magnitude_bits(x.of[i]));
  });
  bits = warp_largest(bits);
  return kType == KvType::i8 ? row_scale(bits) : e4m3_scale(bits);
}

/// To the ring and to the rings of levels. blocks: kv.keys or kv.values.
template <KvType kType, int kWidth, class Row>
__device__ __forceinline__ void append_row(const KvView& kv, void* const* blocks, size_t head, int64_t pos,
                                           const Row& row) {
  RowScale scale = {0.0f, 0.0f};
  if constexpr (kv_has_scales(kType)) scale = scale_of<kType, kWidth>(row);
  store_row<kType, kWidth>(kv, blocks, head, ring_slot(kv, pos), row, scale);
  for (size_t level = 1; level <= kv.n_levels && pos % (int64_t{1} << level) == 0; ++level)
    store_row<kType, kWidth>(kv, blocks, head, level_slot(kv, level, pos >> level), row, scale);
}

template <KvType kKind>
struct OfKvType {
  static constexpr KvType kType = kKind;
};

/// launch(OfKvType<type>()), for the kernels of each type.
template <class Launch>
cudaError_t launch_of_type(KvType type, const Launch& launch) {
  switch (type) {
    case KvType::f32:
      return launch(OfKvType<KvType::f32>());
    case KvType::bf16:
      return launch(OfKvType<KvType::bf16>());
    case KvType::i8:
      return launch(OfKvType<KvType::i8>());
    case KvType::e4m3:
      return launch(OfKvType<KvType::e4m3>());
  }
  return cudaErrorInvalidValue;
}

}  // namespace transom::kernels::cuda
