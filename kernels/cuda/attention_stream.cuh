// SPDX-License-Identifier: Apache-2.0
// How attention_rows.cu gets its keys and values: each warp streams 16 or 32 keys at a time through stages of
// its own in shared memory, as they lie in the cache, and makes bf16 fragments of them on its way to the
// products.
#pragma once

#include "kernels/cuda/attention_convert.cuh"
#include "kernels/cuda/attention_keys.cuh"
#include "kernels/cuda/attention_softmax.cuh"
#include "kernels/cuda/ptx.cuh"

namespace transom::kernels::cuda {

/// Of a block of attention_rows. kSmall: where shared memory is scarce, see kLeastSharedBytes. Two stages
/// then keep 8 KB and more of a warp on their way, enough for the memory of these processors, 1 TB/s at 80
/// SMs and more.
template <KvType kTypeOfCache, int kPaddedDim, int kTilesOfRows, bool kSmall = false>
struct RowsShape {
  static constexpr KvType kType = kTypeOfCache;
  static constexpr int kDim = kPaddedDim, kRowTiles = kTilesOfRows, kRows = 16 * kRowTiles;
  // Of a piece. A product with values takes 16; what a piece costs beside products weighs on the few bytes of
  // i8 and e4m3.
  static constexpr int kKeys = kv_has_scales(kType) && kDim <= 128 ? 32 : 16;
  static constexpr int kKeyTiles = kKeys / 8, kDimTiles = kDim / 8;
  static constexpr int kChunks = kDim * kv_element_bytes(kType) / kChunkBytes;  // of a row of the cache
  static constexpr int kPieceBytes = kKeys * kChunks * kChunkBytes;             // of keys, or of values
  // 16 KB or more of a warp are on their way; memory of 5 TB/s wants about 40 KB of an SM.
  static constexpr int kStages = kSmall ? 2 : kPieceBytes <= 2048 ? 4 : kPieceBytes <= 4096 ? 3 : 2;
  static constexpr int kWarps = (kPieceBytes <= 8192 ? 4 : 2) / (kSmall && kPieceBytes > 4096 ? 2 : 1);
  static constexpr int kThreads = kWarps * kWarpLanes;
  static constexpr Order kOrder = kType == KvType::f32 ? Order::float_swizzled : Order::swizzled;
  static constexpr Columns kColumns = kType == KvType::bf16 ? Columns::in_order : Columns::even_then_odd;
};

template <class S>
struct Stage {
  alignas(128) unsigned char keys[S::kPieceBytes];
  unsigned char values[S::kPieceBytes];
  float scales[2][S::kKeys];   // where rows have some: of keys, of values
  uint32_t visible[S::kRows];  // bit i: the row sees key i
  unsigned kind;               // of KeyTile
};

/// The pieces of a warp.
template <class S>
struct PieceStream {
  const AttentionParameters& p;
  Stage<S>* stages;  // [kStages]
  KeysLeft keys;
  unsigned kv_head;
  unsigned token;                 // of row `lane`; the last one's also beyond the rows
  unsigned begun = 0, ready = 0;  // pieces, in all

  /// Begins to copy the next piece, if there is one, to the stage that was used last.
  __device__ __forceinline__ void begin() {
    const unsigned lane = in_this_turn(threadIdx.x) % kWarpLanes;
    const KeyTile tile = next_tile<S::kKeys, false>(p, keys);
    if (tile.count > 0) {
      Stage<S>& stage = stages[begun % S::kStages];
      ++begun;
      const CacheRows from_keys = cache_rows(p, p.args.kv.keys, kv_head, tile.slot);
      const CacheRows from_values = cache_rows(p, p.args.kv.values, kv_head, tile.slot);
      constexpr auto kCopy = copy_rows<S::kKeys, S::kChunks, kWarpLanes, S::kOrder>;
      kCopy(stage.keys, from_keys.rows, p.row_stride, tile.count, lane);
      kCopy(stage.values, from_values.rows, p.row_stride, tile.count, lane);
      if constexpr (kv_has_scales(S::kType)) {
        if (lane < S::kKeys) {
          cp_async_4(stage.scales[0] + lane, from_keys.scales + lane * sizeof(float), lane < tile.count);
          cp_async_4(stage.scales[1] + lane, from_values.scales + lane * sizeof(float), lane < tile.count);
        }
      }
      const int2 seen = visible_part(p, tile, keys.tokens, token);
      const uint32_t bits = seen.x < seen.y ? ~0u >> (32 - seen.y) & ~0u << seen.x : 0;
      if (lane < S::kRows) store_shared(stage.visible + lane, bits);
      if (lane == 0) store_shared(&stage.kind, tile.kind);
    }
    cp_async_commit();
  }

  /// Waits for the oldest piece that is under way; false: none is.
  __device__ __forceinline__ bool take() {
    if (ready == begun) return false;
    cp_async_wait<S::kStages - 2>();
    warp_sync();
    ++ready;
    return true;
  }
  /// The piece taken last.
  __device__ __forceinline__ const Stage<S>& piece() const { return stages[(ready - 1) % S::kStages]; }
};

/// Dimensions 32 c .. 32 c + 31 of 16 keys as right factors b[k-step][keys / 8], the columns as S::kColumns
/// says.
template <class S>
__device__ __forceinline__ void load_keys(uint32_t (&b)[2][2][2], const unsigned char* keys, int first_key,
                                          int c, unsigned lane) {
  const LaneRows<S::kChunks, false> rows(lane);
#pragma unroll
  for (int k = 0; k < 2; ++k) {
    if constexpr (S::kType == KvType::bf16) {
      uint32_t m[4];
      ldmatrix_x4(m, keys + rows.at(first_key, 2 * c + k));
#pragma unroll
      for (int i = 0; i < 4; ++i) b[k][i / 2][i % 2] = m[i];
    } else if constexpr (S::kType == KvType::f32) {
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        const unsigned row = first_key + 8 * i + lane / 4, chunk = 8 * c + 4 * k + lane % 4;
        const float4 x = load_shared(
            reinterpret_cast<const float4*>(keys + chunk_place<S::kChunks, S::kOrder>(row, chunk)));
        b[k][i][0] = pack_bf16x2(x.x, x.z);
        b[k][i][1] = pack_bf16x2(x.y, x.w);
      }
    }
  }
  if constexpr (kv_has_scales(S::kType)) {
    uint32_t m[4];
    ldmatrix_x4(m, keys + rows.at(first_key, c));
#pragma unroll
    for (int i = 0; i < 4; ++i) even_and_odd_bytes<S::kType>(m[i], b[i % 2][i / 2][0], b[i % 2][i / 2][1]);
  }
}

/// Dimensions 32 c .. 32 c + 31 of the values of 16 keys as right factors b[dimensions / 8]. Other types than
/// bf16: of each 16 dimensions the even ones, then the odd ones.
template <class S>
__device__ __forceinline__ void load_values(uint32_t (&b)[4][2], const unsigned char* values, int first_key,
                                            int c, unsigned lane) {
  const LaneRows<S::kChunks, true> rows(lane);
#pragma unroll
  for (int k = 0; k < 2; ++k) {
    if constexpr (S::kType == KvType::bf16) {
      uint32_t m[4];
      ldmatrix_x4_transposed(m, values + rows.at(first_key, 2 * c + k));
#pragma unroll
      for (int i = 0; i < 4; ++i) b[2 * k + i / 2][i % 2] = m[i];
    } else if constexpr (S::kType == KvType::f32) {
      const unsigned chunk = 8 * c + 4 * k + lane / 8, in_chunk = lane / 4 % 2 * 8;
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        float2 x[2];
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          const unsigned row = first_key + 8 * i + lane % 4 * 2 + e;
          x[e] = load_shared(reinterpret_cast<const float2*>(
              values + (chunk_place<S::kChunks, S::kOrder>(row, chunk) + in_chunk)));
        }
        b[2 * k][i] = pack_bf16x2(x[0].x, x[1].x);
        b[2 * k + 1][i] = pack_bf16x2(x[0].y, x[1].y);
      }
    }
  }
  if constexpr (kv_has_scales(S::kType)) {
    uint32_t m[4];
    ldmatrix_x4_transposed(m, values + rows.at(first_key, c));
#pragma unroll
    for (int i = 0; i < 4; ++i)
      even_and_odd_bytes<S::kType>(m[i], b[i / 2 * 2][i % 2], b[i / 2 * 2 + 1][i % 2]);
  }
}

}  // namespace transom::kernels::cuda
