// SPDX-License-Identifier: Apache-2.0
// Tiles of visible keys on a device: which come next, and their way from the cache into shared memory.
#pragma once

#include "kernels/common/attention_keys.h"
#include "kernels/cuda/ptx.cuh"

namespace transom::kernels::cuda {

/// What kernels take of the launchers.
struct AttentionParameters {
  AttentionArgs args;
  const int64_t* first_pos;
  unsigned group;        // heads of a KV head
  unsigned rows;         // n_tokens * group: row r is head r % group of token r / group
  unsigned block_shift;  // log2(kv.block_slots)
  unsigned head_bytes;   // kv_head_bytes
  unsigned row_stride;   // kv_row_stride
  int window;            // all keys if there is none
  float query_factor;    // scores are sums of query * query_factor * key: in units of log2, or of soft_cap if
                         // there is one
};

constexpr int kChunkBytes = 16;  // what a lane loads, copies, or gives to ldmatrix
constexpr float kLog2E = 1.44269504f;

constexpr int kv_element_bytes(KvType type) { return type == KvType::f32 ? 4 : type == KvType::bf16 ? 2 : 1; }

/// Tokens of a launch whose queries share tiles of keys. Their positions are read when they are needed:
/// registers are scarce, and that is seldom.
struct alignas(8) QueryTokens {
  unsigned first, last;

  __device__ __forceinline__ int64_t first_position(const AttentionParameters& p) const {
    return load_global(p.first_pos) + first;
  }
  __device__ __forceinline__ KeyOrder key_order(const AttentionParameters& p) const {
    const int64_t position = first_position(p);
    return {p.args, position, position + (last - first) + 1};
  }
};

/// Why a key is seen: 0 in the window, 1 .. 63 in a level, kSinkKind, or kAgeKind + k at the age 2^k.
constexpr unsigned kSinkKind = 64, kAgeKind = 128;

/// Neighbouring slots of one block: a KeyRun in few registers.
struct alignas(16) KeyTile {
  int pos;  // from the first query's; a cache of 2^30 positions would fill any device
  unsigned slot, count, kind;

  __device__ __forceinline__ KeyRun run(int64_t first_position) const {
    const bool level = kind < kSinkKind;
    return {first_position + pos, slot, count, level ? kind : 0,
            kind >= kAgeKind ? int64_t{1} << (kind - kAgeKind) : 0};
  }
};

/// What is left of the keys of some queries.
struct alignas(16) KeysLeft {
  KeyTile stretch;     // neighbouring slots; count 0: to be found
  unsigned left, end;  // the last `left` keys before key `end` of their KeyOrder
  QueryTokens tokens;
};
__device__ __forceinline__ KeysLeft keys_left(const QueryTokens& tokens, const KeyRange& keys) {
  return {{}, static_cast<unsigned>(keys.count()), static_cast<unsigned>(keys.end), tokens};
}

/// The next of them: at most kKeys, of one block; count 0: none is left. kAligned: tiles end at multiples of
/// kKeys slots, so that all between the ends of a stretch are full.
template <unsigned kKeys, bool kAligned>
__device__ __forceinline__ KeyTile next_tile(const AttentionParameters& p, KeysLeft& keys) {
  if (keys.left == 0) return {};
  if (keys.stretch.count == 0) {
    const KeyRun run = keys.tokens.key_order(p).stretch(int64_t{keys.end} - keys.left, keys.end);
    unsigned kind = static_cast<unsigned>(run.level);
    if (run.pos < static_cast<int64_t>(p.args.kv.n_sinks)) kind = kSinkKind;
    if (run.age > 0) kind = kAgeKind;
    for (int64_t age = run.age; age > 1; age /= 2) ++kind;
    keys.stretch = {static_cast<int>(run.pos - keys.tokens.first_position(p)),
                    static_cast<unsigned>(run.slot), static_cast<unsigned>(run.count), kind};
  }
  KeyTile tile = keys.stretch;
  const unsigned block_slots = 1u << p.block_shift;
  const unsigned block_left = block_slots - (tile.slot & (block_slots - 1));
  const unsigned most = kAligned && tile.kind < kAgeKind ? kKeys - tile.slot % kKeys : kKeys;
  tile.count = min(tile.count, min(most, block_left));
  keys.stretch.pos += static_cast<int>(tile.count << (tile.kind < kSinkKind ? tile.kind : 0));
  keys.stretch.slot += tile.count;
  keys.stretch.count -= tile.count;
  keys.left -= tile.count;
  return tile;
}

/// Whether each of the queries sees all of kKeys keys.
template <unsigned kKeys>
__device__ __forceinline__ bool sees_all(const AttentionParameters& p, const KeyTile& tile,
                                         const QueryTokens& tokens) {
  if (tile.count != kKeys || (tile.kind != 0 && tile.kind != kSinkKind)) return false;
  if (tile.pos + static_cast<int>(kKeys) - 1 > 0) return false;
  return tile.kind == kSinkKind || tile.pos > static_cast<int>(tokens.last - tokens.first) - p.window;
}

/// What the query of `token` sees of a tile.
__device__ __forceinline__ int2 visible_part(const AttentionParameters& p, const KeyTile& tile,
                                             const QueryTokens& tokens, unsigned token) {
  const int count = static_cast<int>(tile.count);
  if (tile.kind == 0 || tile.kind == kSinkKind) {
    const int age = static_cast<int>(token - tokens.first) - tile.pos;  // of the first key
    return {tile.kind == 0 ? max(age - p.window + 1, 0) : 0, min(age + 1, count)};
  }
  const int64_t first = tokens.first_position(p);
  const VisibleKeys seen = visible_keys(p.args, tile.run(first), first + (token - tokens.first));
  return {static_cast<int>(min(seen.begin, static_cast<int64_t>(count))),
          static_cast<int>(max(seen.end, static_cast<int64_t>(0)))};
}

/// The rows of a head from a slot on, and their scales (KvView::scales_apart). blocks: kv.keys or kv.values.
struct CacheRows {
  const char* rows;
  const char* scales;
};
__device__ __forceinline__ CacheRows cache_rows(const AttentionParameters& p, void* const* blocks,
                                                unsigned kv_head, unsigned slot) {
  const unsigned in_block = slot & ((1u << p.block_shift) - 1), head = kv_head * p.head_bytes;
  const char* block = static_cast<const char*>(load_global(blocks + (slot >> p.block_shift)));
  return {block + (head + in_block * p.row_stride),
          block + (head + (p.row_stride << p.block_shift) + in_block * static_cast<unsigned>(sizeof(float)))};
}

/// Where chunk `chunk` of a row of kChunks stands in it, so that the same chunk of 8 neighbouring rows, as
/// ldmatrix takes them, lies in 8 different groups of 4 banks. Rows follow each other without gaps: what
/// their length leaves alike, the low bits of the row's number tell apart.
template <int kChunks>
__device__ __forceinline__ unsigned row_swizzle(unsigned row) {
  if constexpr (kChunks % 8 == 0) return row & 7;
  if constexpr (kChunks % 8 == 4) return row >> 1 & 3;
  return kChunks % 2 == 0 ? row >> 2 & 1 : 0;
}
/// For rows of floats that are read as float4 of 4 neighbouring chunks of 2 rows (keys), and as float2 of 2
/// neighbouring chunks of every other row of 8 (values).
__device__ __forceinline__ unsigned float_row_swizzle(unsigned row) {
  return ((row ^ row >> 2) & 1) << 2 | (row & 2);
}

enum class Order { plain, swizzled, float_swizzled };

template <int kChunks, Order kOrder>
__device__ __forceinline__ unsigned chunk_place(unsigned row, unsigned chunk) {
  if constexpr (kOrder == Order::swizzled) chunk ^= row_swizzle<kChunks>(row);
  if constexpr (kOrder == Order::float_swizzled) chunk ^= float_row_swizzle(row);
  return (row * kChunks + chunk) * kChunkBytes;
}

/// Chunk i * kThreads + thread of rows of kChunks.
template <int kChunks, int kThreads>
struct ThreadChunk {
  // Rows that are apart by a multiple of 8 are swizzled alike, so that all chunks of a thread need one
  // address.
  static constexpr bool kRegular = kThreads % kChunks == 0 && kThreads / kChunks % 8 == 0;
  unsigned thread;

  __device__ __forceinline__ unsigned row(unsigned i) const {
    return kRegular ? thread / kChunks + i * (kThreads / kChunks) : (i * kThreads + thread) / kChunks;
  }
  __device__ __forceinline__ unsigned chunk(unsigned i) const {
    return (kRegular ? thread : i * kThreads + thread) % kChunks;
  }
  template <Order kOrder>
  __device__ __forceinline__ unsigned place(unsigned i) const {
    if (!kRegular) return chunk_place<kChunks, kOrder>(row(i), chunk(i));
    return chunk_place<kChunks, kOrder>(row(0), chunk(0)) + i * (kThreads * kChunkBytes);
  }
};

/// Begins to copy kRows rows of kChunks chunks, by kThreads threads; rows from `count` on and chunks from
/// `chunks` on become zeros.
template <int kRows, int kChunks, int kThreads, Order kOrder>
__device__ __forceinline__ void copy_rows(unsigned char* to, const char* from, unsigned stride,
                                          unsigned count, unsigned thread) {
  static_assert(kRows * kChunks % kThreads == 0);
  constexpr unsigned kCopies = kRows * kChunks / kThreads;
  const ThreadChunk<kChunks, kThreads> mine{thread};
  if (count == kRows && stride == kChunks * kChunkBytes) {  // one stretch of memory: a single address
    from += thread * kChunkBytes;
#pragma unroll 8
    for (unsigned i = 0; i < kCopies; ++i)
      cp_async_16(to + mine.template place<kOrder>(i), from + i * (kThreads * kChunkBytes));
    return;
  }
  const unsigned chunks = stride / kChunkBytes;
#pragma unroll 8
  for (unsigned i = 0; i < kCopies; ++i) {
    const unsigned row = mine.row(i), chunk = mine.chunk(i);
    cp_async_16(to + mine.template place<kOrder>(i), from + (row * stride + chunk * kChunkBytes),
                row < count && chunk < chunks);
  }
}

}  // namespace transom::kernels::cuda
