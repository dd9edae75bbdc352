// SPDX-License-Identifier: Apache-2.0
// How attention_tiles.cu gets its keys and values: a ring of tiles in shared memory, filled by asynchronous
// copies.
#pragma once

#include "kernels/cuda/attention_convert.cuh"
#include "kernels/cuda/attention_keys.cuh"
#include "kernels/cuda/ptx.cuh"

namespace transom::kernels::cuda {

/// Of a block of attention_tiles. kSmall: where shared memory is scarce, see kLeastSharedBytes: half the keys,
/// and of long rows half as many.
template <KvType kTypeOfCache, int kPaddedDim, bool kSmall = false>
struct TilesShape {
  static constexpr KvType kType = kTypeOfCache;
  static constexpr int kDim = kPaddedDim;
  static constexpr int kRowTiles = kDim > 128 ? 1 : 2;  // of 16 rows, a warp
  static constexpr int kThreads = kDim > 128 && !kSmall ? 256 : 128;
  static constexpr int kRows = kThreads / kWarpLanes * kRowTiles * 16;
  // f32 rows of 256 in tiles of 64 keys would leave no A100 enough shared memory.
  static constexpr int kKeys = (kType == KvType::f32 && kDim > 128 ? 32 : 64) / (kSmall ? 2 : 1);
  static constexpr int kKeyTiles = kKeys / 8, kDimTiles = kDim / 8;
  static constexpr int kChunks = kDim / 8;  // of a bf16 row
  static constexpr int kCacheChunks = kDim * kv_element_bytes(kType) / kChunkBytes;
  static constexpr bool kConverts = kType != KvType::bf16;
  // A tile that is converted leaves its place in the ring at once: one place for keys, one for values.
  static constexpr int kRing = kConverts ? 2 : 3;
  static constexpr int kScaleRing = 4;  // scales stay until their tile is done with
};

struct Nothing {};
template <class S>
struct Converted {
  alignas(128) unsigned char tile[S::kKeys * S::kChunks * kChunkBytes];
};
template <class S>
struct Scales {
  float scales[S::kScaleRing][S::kKeys];
};
template <bool kWanted, class T>
struct Optional : T {};
template <class T>
struct Optional<false, T> {};

template <class S>
struct TilesShared : Optional<S::kConverts, Converted<S>>, Optional<kv_has_scales(S::kType), Scales<S>> {
  alignas(128) unsigned char queries[S::kRows * S::kChunks * kChunkBytes];
  alignas(128) unsigned char ring[S::kRing][S::kKeys * S::kCacheChunks * kChunkBytes];
  // Of a turn of the loop and of the next: what would take registers that sums and scores need. Each is
  // written before the barrier of one turn, and read until the last barrier of the turn after.
  KeysLeft keys[2];
  KeyTile tiles[2];
  unsigned marks[2];
  uint32_t
      visible[2][S::kRows / 2];  // what each two rows see of a masked tile: begin | end << 8 | the same << 16
};
constexpr unsigned kMasked = 1;      // some query does not see some key
constexpr unsigned kAfterSinks = 2;  // the first tile behind the sinks

/// Tiles on their way: keys and values in turns.
template <class S>
struct TileFeed {
  const AttentionParameters& p;
  TilesShared<S>& shared;
  unsigned turn = 0;

  /// Not kept in a register from turn to turn.
  __device__ __forceinline__ static unsigned thread() { return in_this_turn(threadIdx.x); }

  /// Finds tile 0 and begins to copy it.
  __device__ __forceinline__ KeyTile start(const QueryTokens& tokens) {
    KeysLeft keys = keys_left(tokens, {0, tokens.key_order(p).count()});
    const KeyTile tile = find(keys, 0);
    begin(p.args.kv.keys, tile, 0, 0);
    begin(p.args.kv.values, tile, 1, 1);
    block_sync();
    return tile;
  }

  /// The tile of the next turn.
  __device__ __forceinline__ KeyTile find_next() {
    const KeysLeft& before = shared.keys[turn % 2];
    KeysLeft keys = {load_shared(&before.stretch), load_shared(&before.left), load_shared(&before.end),
                     load_shared(&before.tokens)};
    return find(keys, (turn + 1) % 2);
  }

  __device__ __forceinline__ KeyTile find(KeysLeft& keys, unsigned parity) {
    const bool at_sinks = keys.stretch.kind == kSinkKind;
    const KeyTile tile = next_tile<S::kKeys, true>(p, keys);
    const bool masked = !sees_all<S::kKeys>(p, tile, keys.tokens);
    const unsigned row = thread();
    if (masked && row < S::kRows) {
      const unsigned first_row = (gridDim.y - 1 - blockIdx.y) * S::kRows;
      const int2 seen = visible_part(p, tile, keys.tokens, (first_row + row) / p.group);
      const uint32_t mine = static_cast<uint32_t>(min(seen.x, S::kKeys) | max(seen.y, 0) << 8);
      const uint32_t pair = mine | shuffle_xor(mine, 1) << 16;
      if (row % 2 == 0) store_shared(shared.visible[parity] + row / 2, pair);
    }
    if (threadIdx.x == 0) {
      store_shared(shared.tiles + parity, tile);
      store_shared(shared.marks + parity,
                   (masked ? kMasked : 0) | (at_sinks && tile.kind != kSinkKind ? kAfterSinks : 0));
      store_keys(shared.keys + parity, keys);
    }
    return tile;
  }

  __device__ __forceinline__ void store_keys(KeysLeft* to, const KeysLeft& keys) {
    store_shared(&to->stretch, keys.stretch);
    store_shared(&to->left, keys.left);
    store_shared(&to->end, keys.end);
    store_shared(&to->tokens, keys.tokens);
  }

  /// blocks: kv.keys or kv.values. to, scales_to: places in the rings.
  __device__ __forceinline__ void begin(void* const* blocks, const KeyTile& tile, unsigned to,
                                        unsigned scales_to) {
    if (tile.count > 0) {
      constexpr Order kOrder = S::kConverts ? Order::plain : Order::swizzled;
      const CacheRows from = cache_rows(p, blocks, blockIdx.x, tile.slot);
      copy_rows<S::kKeys, S::kCacheChunks, S::kThreads, kOrder>(shared.ring[to], from.rows, p.row_stride,
                                                                tile.count, thread());
      if constexpr (kv_has_scales(S::kType)) {
        const unsigned key = thread();
        if (key < S::kKeys)
          cp_async_4(shared.scales[0] + (scales_to * S::kKeys + key), from.scales + key * sizeof(float),
                     key < tile.count);
      }
    }
    cp_async_commit();
  }

  __device__ __forceinline__ static unsigned scales_place(unsigned turn, unsigned half) {
    return (2 * turn + half) % S::kScaleRing;
  }

  /// The turn's keys (kHalf 0) or values (1) as bf16 [kKeys, kDim], swizzled; begins those of the next turn.
  /// All threads are done with what was taken before.
  template <int kHalf>
  __device__ __forceinline__ const unsigned char* take(void* const* blocks, const KeyTile& next) {
    cp_async_wait<1>();
    block_sync();
    if constexpr (S::kConverts) {
      convert(shared.ring[kHalf]);
      block_sync();
      begin(blocks, next, kHalf, scales_place(turn + 1, kHalf));
      return shared.tile;
    } else {
      const unsigned place = 2 * turn + kHalf;
      begin(blocks, next, (place + 2) % S::kRing, 0);
      return shared.ring[place % S::kRing];
    }
  }

  /// Of the turn's keys or values; null of those without scales.
  template <int kHalf>
  __device__ __forceinline__ const float* scales() const {
    if constexpr (kv_has_scales(S::kType)) return shared.scales[0] + scales_place(turn, kHalf) * S::kKeys;
    return nullptr;
  }

  __device__ __forceinline__ void convert(const unsigned char* from) {
    constexpr int kItems = S::kKeys * S::kChunks;  // of 8 numbers
    static_assert(kItems % S::kThreads == 0);
    constexpr int kSteps = kItems / S::kThreads;
    // All floats at once beside sums and scores spilled a register on sm_100.
    [[maybe_unused]] constexpr int kAtOnce = S::kType == KvType::f32 && kSteps > 4 ? 4 : kSteps;
    const ThreadChunk<S::kChunks, S::kThreads> mine{thread()};
#pragma unroll kAtOnce
    for (unsigned i = 0; i < kSteps; ++i) {
      if constexpr (kv_has_scales(S::kType)) {
        const uint2 bytes = load_shared(reinterpret_cast<const uint2*>(from) + i * S::kThreads + mine.thread);
        uint4 words;
        low_and_high_bytes<S::kType>(bytes.x, words.x, words.y);
        low_and_high_bytes<S::kType>(bytes.y, words.z, words.w);
        store_shared(reinterpret_cast<uint4*>(shared.tile + mine.template place<Order::swizzled>(i)), words);
      } else {
        convert_floats(from, i, 0);
        convert_floats(from, i, 1);
      }
    }
  }

  /// Four numbers a thread, so that neighbours read neighbouring chunks.
  __device__ __forceinline__ void convert_floats(const unsigned char* from, unsigned i, unsigned half) {
    const unsigned self = thread();
    const float4 x = load_shared(reinterpret_cast<const float4*>(from) + (2 * i + half) * S::kThreads + self);
    const ThreadChunk<S::kChunks, S::kThreads> mine{(half * S::kThreads + self) / 2};
    unsigned char* to = shared.tile + mine.template place<Order::swizzled>(i) + self % 2 * 8;
    store_shared(reinterpret_cast<uint2*>(to), uint2{pack_bf16x2(x.x, x.y), pack_bf16x2(x.z, x.w)});
  }
};

}  // namespace transom::kernels::cuda
