// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace transom::kernels {

enum class KvType : uint8_t { f32, bf16 };
constexpr size_t kv_size(KvType type) { return type == KvType::f32 ? 4 : 2; }

/// The ring rule. The first n_sinks slots hold positions 0 .. n_sinks-1 for ever; the others are a ring.
/// Capacity counts both. A cache that never wraps has capacity >= the longest context.
constexpr size_t ring_slot(int64_t pos, size_t n_sinks, size_t capacity) {
  const size_t p = static_cast<size_t>(pos);
  return p < n_sinks ? p : n_sinks + (p - n_sinks) % (capacity - n_sinks);
}

/// Keys and values of one layer. Both are [n_kv_heads, capacity, head_dim] of `type`, a row per position at
/// ring_slot(position): one KV head is one linear stream.
struct KvView {
  KvType type = KvType::f32;
  void* keys = nullptr;
  void* values = nullptr;
  size_t n_kv_heads = 0;
  size_t head_dim = 0;
  size_t capacity = 0;
  size_t n_sinks = 0;
};

/// Writes n_tokens rows of keys and values at positions first_pos .. first_pos + n_tokens - 1.
/// k, v [n_tokens, n_kv_heads, head_dim] f32, row stride in elements. n_tokens <= capacity - n_sinks, or
/// first_pos + n_tokens <= capacity.
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
/// All visible positions must be in the cache (append before attending):
/// capacity - n_sinks >= min(window - 1, pos) + n_tokens.
/// q, q_sink, dst [n_tokens, n_heads, head_dim] f32, row strides in elements; q and q_sink share a stride.
/// Work is split by the caller over (query tile, KV head) items: the kernel does items [item_begin, item_end)
/// of attention_items(args). soft_cap > 0 bends the scaled scores: s = soft_cap * tanh(s / soft_cap)
/// (Gemma 2).
/// Source: Dao et al. 2022 (online softmax), Beltagy et al. 2020 (window), Ainslie et al. 2023 (GQA), Xiao et
/// al. 2023 (sinks).
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
  size_t item_begin = 0, item_end = 0;
  void* scratch = nullptr;  ///< attention_scratch_bytes(args), private to this call
};

/// Queries of one tile: a multiple of every variant's register tile, small enough that a decode step is one
/// tile. A tile of one KV head's whole query group shares its keys.
inline constexpr size_t kAttentionQueryTile = 16;

/// Work items: one per (query tile, KV head).
constexpr size_t attention_items(const AttentionArgs& a) {
  return (a.n_tokens + kAttentionQueryTile - 1) / kAttentionQueryTile * a.kv.n_kv_heads;
}

/// Keys of one step of the online softmax. 64 keys of 128 x bf16 are 16 KB and stay in L1 with the scores.
inline constexpr size_t kAttentionKeyTile = 64;

/// Bytes of scratch of one call, the same for every variant: for each (query, head) row of a tile its scaled
/// query, its running sum of values, its scores against one key tile, its maximum and its sum; then one key
/// tile as f32.
constexpr size_t attention_scratch_bytes(const AttentionArgs& a) {
  const size_t rows = kAttentionQueryTile * (a.n_heads / a.kv.n_kv_heads);
  const size_t padded_dim = (a.kv.head_dim + 15) / 16 * 16;
  return (rows * (2 * padded_dim + kAttentionKeyTile + 2 * size_t{16}) + kAttentionKeyTile * padded_dim) *
         sizeof(float);
}

}  // namespace transom::kernels
