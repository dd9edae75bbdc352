// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "kernels/common/host_device.h"

namespace transom::kernels {

enum class KvType : uint8_t { f32, bf16, i8, e4m3 };
/// Whether each row has a scale that its numbers are multiplied with.
TRANSOM_HOST_DEVICE constexpr bool kv_has_scales(KvType type) {
  return type == KvType::i8 || type == KvType::e4m3;
}
/// Bytes of one head of one position. With scales: head_dim bytes, and behind them their f32 scale, so that a
/// row is all that is needed to read it; see KvView::scales_apart.
TRANSOM_HOST_DEVICE constexpr size_t kv_row_bytes(KvType type, size_t head_dim) {
  return type == KvType::f32 ? head_dim * 4 : type == KvType::bf16 ? head_dim * 2 : head_dim + sizeof(float);
}
/// The scale of a row that has one.
inline float kv_row_scale(const void* row, size_t head_dim) {
  float scale;
  memcpy(&scale, static_cast<const char*>(row) + head_dim, sizeof scale);
  return scale;
}

/// The ring rule. The first n_sinks slots hold positions 0 .. n_sinks-1 for ever; the others are a ring.
/// Capacity counts both. A cache that never wraps has capacity >= the longest context.
TRANSOM_HOST_DEVICE constexpr size_t ring_slot(int64_t pos, size_t n_sinks, size_t capacity) {
  const size_t p = static_cast<size_t>(pos);
  return p < n_sinks ? p : n_sinks + (p - n_sinks) % (capacity - n_sinks);
}

/// Keys of one step of the online softmax. 64 keys of 128 x bf16 are 16 KB and stay in L1 with the scores.
inline constexpr size_t kAttentionKeyTile = 64;

/// Keys and values of one layer: `capacity` slots of n_kv_heads rows of kv_row_bytes, a slot per position at
/// ring_slot(position). Slots lie in blocks of block_slots, a power of two and at least kAttentionKeyTile;
/// keys[i] and values[i] point to those of block i, [n_kv_heads, block_slots] rows each. Blocks lie anywhere;
/// null where none of their slots was written. i8 rows are quantised symmetrically, as QuantizeRowsArgs says;
/// e4m3 rows as e4m3.h says.
///
/// The last n_levels * level_slots slots are rings of their own, for levels 1 .. n_levels: that of level l
/// holds the positions that are multiples of 2^l, see AttentionArgs. Such a position is there once more for
/// each of its levels, so that what a level sees are always neighbouring slots.
struct KvView {
  KvType type = KvType::f32;
  void* const* keys = nullptr;    // [(capacity + block_slots - 1) / block_slots]
  void* const* values = nullptr;  // the same
  size_t n_kv_heads = 0;
  size_t head_dim = 0;
  size_t capacity = 0;
  size_t block_slots = kAttentionKeyTile;
  size_t n_sinks = 0;
  size_t n_levels = 0, level_slots = 0;

  /// i8 and e4m3 of a device that loads 16 aligned bytes at a time, not of the CPU: the rows of a head in a
  /// block are [block_slots, head_dim] bytes, and behind them stand their [block_slots] f32 scales. The bytes
  /// of a head and of a block are as many as otherwise.
  bool scales_apart = false;
};

/// Bytes between the rows of neighbouring slots of a block.
TRANSOM_HOST_DEVICE constexpr size_t kv_row_stride(const KvView& kv) {
  return kv_has_scales(kv.type) && kv.scales_apart ? kv.head_dim : kv_row_bytes(kv.type, kv.head_dim);
}
/// Bytes of the rows of a head in a block.
TRANSOM_HOST_DEVICE constexpr size_t kv_head_bytes(const KvView& kv) {
  return kv.block_slots * kv_row_bytes(kv.type, kv.head_dim);
}
/// The row of a head and slot; blocks: kv.keys or kv.values. The rows of a head up to the end of the block
/// follow it.
TRANSOM_HOST_DEVICE inline char* kv_row(const KvView& kv, void* const* blocks, size_t head, size_t slot) {
  return static_cast<char*>(blocks[slot / kv.block_slots]) + head * kv_head_bytes(kv) +
         slot % kv.block_slots * kv_row_stride(kv);
}
/// Where the scale of a row stands, at any multiple of 4 bytes if head_dim is one.
TRANSOM_HOST_DEVICE inline char* kv_scale(const KvView& kv, void* const* blocks, size_t head, size_t slot) {
  if (!kv.scales_apart) return kv_row(kv, blocks, head, slot) + kv.head_dim;
  return static_cast<char*>(blocks[slot / kv.block_slots]) + head * kv_head_bytes(kv) +
         kv.block_slots * kv.head_dim + slot % kv.block_slots * sizeof(float);
}

/// Slots of the sinks and the ring.
TRANSOM_HOST_DEVICE constexpr size_t ring_capacity(const KvView& kv) {
  return kv.capacity - kv.n_levels * kv.level_slots;
}
TRANSOM_HOST_DEVICE constexpr size_t ring_slot(const KvView& kv, int64_t pos) {
  return ring_slot(pos, kv.n_sinks, ring_capacity(kv));
}
/// The slot of position index * 2^level in the ring of that level.
TRANSOM_HOST_DEVICE constexpr size_t level_slot(const KvView& kv, size_t level, int64_t index) {
  return ring_capacity(kv) + (level - 1) * kv.level_slots + static_cast<size_t>(index) % kv.level_slots;
}

struct KeyRange {
  int64_t first, end;
  TRANSOM_HOST_DEVICE constexpr int64_t count() const { return end > first ? end - first : 0; }
};

/// What queries at positions first_query .. last_query see in a level: multiples index * 2^level of ages
/// window * 2^(level - 1) .. window * 2^level - 1. The range is of the index.
TRANSOM_HOST_DEVICE constexpr KeyRange level_range(int64_t first_query, int64_t last_query, int64_t window,
                                                   size_t level) {
  const int64_t first = (first_query >> level) - window + 1, youngest = last_query - (window << (level - 1));
  return {first > 0 ? first : 0, youngest < 0 ? 0 : (youngest >> level) + 1};
}

/// What the same queries see at one age, a position each.
TRANSOM_HOST_DEVICE constexpr KeyRange age_range(int64_t first_query, int64_t last_query, int64_t age) {
  const int64_t first = first_query - age, end = last_query - age + 1;
  return {first > 0 ? first : 0, end > 0 ? end : 0};
}
/// The smallest power of two that is no age of the window, see AttentionArgs::power_ages.
TRANSOM_HOST_DEVICE constexpr int64_t first_power_age(int64_t window) {
  int64_t age = 1;
  while (age < window) age *= 2;
  return age;
}

/// Writes n_tokens rows of keys and values at positions first_pos .. first_pos + n_tokens - 1.
/// k, v [n_tokens, n_kv_heads, head_dim] f32, row stride in elements. n_tokens <= ring_capacity - n_sinks, or
/// first_pos + n_tokens <= ring_capacity.
struct KvAppendArgs {
  KvView kv;
  const float* k = nullptr;
  const float* v = nullptr;
  size_t row_stride = 0;
  size_t n_tokens = 0;
  int64_t first_pos = 0;
};

/// Windowed grouped-query attention with online softmax; scores are never stored beyond a tile.
///
///   dst[t, h] = sum_p softmax_p(scale * q[t, h] . key[p, h / group]) * value[p, h / group]
///
/// over the visible positions p of the query at position q_pos = first_pos + t:
///   p <= q_pos  and  (p > q_pos - window  or  p < n_sinks),  window counts the query's own position, 0 =
///   unlimited.
/// With sinks, positions are indices inside the cache: a query that can no longer see every position stands
/// at index n_sinks + window - 1 as far as the sinks are concerned. q_sink holds the same queries rotated
/// for that index, min(q_pos, n_sinks + window - 1); scores against sinks use it, all others use q. Null:
/// q throughout.
///
/// With levels (a log stride), a query also sees, at ages window * 2^(l-1) .. window * 2^l - 1 for each level
/// l, the positions that are multiples of 2^l: about window / 2 of each level, and a position that is dropped
/// never comes back. n queries cost O(n * window * log n), a cache O(window * log n). There are no sinks
/// then.
///
/// With power_ages, a query also sees the ages 2^k >= window: at most log2(pos / window) + 1 positions, n
/// queries n * (window + log2 n). Which positions they are moves on with the query, so that none is ever dead
/// and the cache keeps all: ring_capacity >= first_pos + n_tokens. There are no sinks and no levels then. (A
/// kernel takes a tile of queries at a time, so an age costs as many products as a tile of keys.)
///
/// All visible positions must be in the cache (append before attending):
/// ring_capacity - n_sinks >= min(window - 1, pos) + n_tokens, level_slots >= window + (n_tokens + 1) / 2.
/// q, q_sink, dst [n_tokens, n_heads, head_dim] f32, row strides in elements; q and q_sink share a stride.
/// Work is split by the caller over (query tile, KV head) items: the kernel does items [item_begin, item_end)
/// of attention_items(args). soft_cap > 0 bends the scaled scores: s = soft_cap * tanh(s / soft_cap)
/// (Gemma 2).
/// Source: Dao et al. 2022 (online softmax), Beltagy et al. 2020 (window), Ainslie et al. 2023 (GQA), Xiao et
/// al. 2023 (sinks), Li et al. 2019 (LogSparse: power_ages with a window of 1).
struct AttentionArgs {
  const float* q = nullptr;
  const float* q_sink = nullptr;
  size_t q_stride = 0;
  KvView kv;
  float* dst = nullptr;
  size_t dst_stride = 0;
  size_t n_tokens = 0;
  size_t n_heads = 0;
  int64_t first_pos = 0;
  int64_t window = 0;
  float scale = 1;
  float soft_cap = 0;
  bool power_ages = false;  ///< beyond the window, see ages 2^k; needs a window
  size_t item_begin = 0, item_end = 0;
  void* scratch = nullptr;  ///< attention_scratch_bytes(args), private to this call

  /// A long row of keys may be split: calls for part 0 .. n_parts - 1 of every item, in any order and on any
  /// thread, leave what they found in `partial` (attention_partial_floats), and a merge makes dst of it.
  /// n_parts: 1, or attention_parts(args), which depends on the keys alone: the same numbers for any number
  /// of threads.
  size_t part = 0, n_parts = 1;
  float* partial = nullptr;
};

/// Visible keys of the first tile of queries, the causal end included.
constexpr size_t attention_keys(const AttentionArgs& a) {
  const int64_t end = a.first_pos + static_cast<int64_t>(a.n_tokens);
  const int64_t first = a.window > 0 && a.first_pos - a.window + 1 > 0 ? a.first_pos - a.window + 1 : 0;
  int64_t keys = end - first;
  keys += static_cast<int64_t>(a.kv.n_sinks) < first ? static_cast<int64_t>(a.kv.n_sinks) : first;
  for (size_t level = a.kv.n_levels; level > 0; --level)
    keys += level_range(a.first_pos, end - 1, a.window, level).count();
  for (int64_t age = first_power_age(a.window); a.power_ages && age < end; age *= 2)
    keys += age_range(a.first_pos, end - 1, age).count();
  return static_cast<size_t>(keys);
}

/// Fewer tokens than these are attended to as a single one is, bit by bit where their keys are not split into
/// parts: those of a step that checks guesses, or that ends a prompt whose beginning is known.
inline constexpr size_t kFewTokens = 128;
/// Rows that take their keys directly, as those of a single token do. For more, keys turned once and shared
/// are faster.
inline constexpr size_t kDirectRows = 8;

/// Queries of one tile, which with the heads of their group share the keys of one KV head: enough rows that
/// turning the keys is a small part of the work, few enough that their causal ends do not differ much.
constexpr size_t attention_query_tile(const AttentionArgs& a) {
  const size_t group = a.n_heads / a.kv.n_kv_heads;
  if (a.n_tokens < kFewTokens && group <= kDirectRows) return 1;
  return group >= 4 ? 16 : group >= 2 ? 32 : 64;
}

/// Few rows have many keys to read: more tokens fill the threads by their tiles.
inline constexpr size_t kSplitTokens = 4;
inline constexpr size_t kMostParts = 16;

/// Parts of attention of at most kSplitTokens tokens: about 1024 keys each.
constexpr size_t attention_parts(const AttentionArgs& a) {
  const size_t parts = a.n_tokens > kSplitTokens ? 1 : attention_keys(a) / 1024;
  return parts < 1 ? 1 : parts < kMostParts ? parts : kMostParts;
}

/// Columns of a row as vectors take them, a few at a time.
inline constexpr size_t kAttentionDimStep = 32;
constexpr size_t attention_padded_dim(size_t head_dim) {
  return (head_dim + kAttentionDimStep - 1) / kAttentionDimStep * kAttentionDimStep;
}

/// Floats of AttentionArgs::partial for n_parts parts of at most kSplitTokens tokens: for each item, part
/// and (token, head of the group) row its sum of values, its maximum and its total.
constexpr size_t attention_partial_floats(size_t n_heads, size_t head_dim, size_t n_parts) {
  return n_parts * kSplitTokens * n_heads * (attention_padded_dim(head_dim) + 2);
}

/// Work items: one per (query tile, KV head).
constexpr size_t attention_items(const AttentionArgs& a) {
  const size_t tile = attention_query_tile(a);
  return (a.n_tokens + tile - 1) / tile * a.kv.n_kv_heads;
}

/// Rows in whole tiles of 16.
constexpr size_t attention_padded_rows(size_t rows) { return (rows + 15) / 16 * 16; }

/// Bytes of scratch of one call, the same for every variant: for each (query, head) row of a tile, in
/// whole register tiles of 16 rows and of fewer, its scaled query, its running sum of values, its scores
/// against one key tile, its maximum and its sum; then one key tile as f32.
constexpr size_t attention_scratch_bytes(const AttentionArgs& a) {
  const size_t rows = attention_query_tile(a) * (a.n_heads / a.kv.n_kv_heads);
  const size_t padded_dim = attention_padded_dim(a.kv.head_dim);
  return ((attention_padded_rows(rows) + 7) * (2 * padded_dim + kAttentionKeyTile + 8) +
          kAttentionKeyTile * padded_dim) *
         sizeof(float);
}

}  // namespace transom::kernels
