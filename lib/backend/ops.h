// SPDX-License-Identifier: Apache-2.0
/// The ops as models call them: each checks ranks, extents and dtypes, throws InvalidArgument naming the op
/// and the shapes, and then calls the backend. A failed check is a mistake of ours or a weight that slipped
/// through loading.
#pragma once

#include <cstdint>
#include <span>

#include "backend/backend.h"

namespace transom::backend::ops {

/// dst[t] = table[ids[t]]. table [vocab, hidden] f32, f16 or bf16; ids in [0, vocab); dst [tokens, hidden].
void embed(Backend& backend, const TensorView& table, std::span<const std::int32_t> ids,
           const TensorView& dst);

/// dst = src / rms(src) * weight over the last dimension. src, dst [tokens, n] or [tokens, heads, n] (the
/// same or not overlapping); weight [n] f32.
void rms_norm(Backend& backend, const TensorView& src, const TensorView& weight, float epsilon,
              const TensorView& dst);

/// dst = src W^T + b, or dst += when accumulate. src [tokens, cols], dst [tokens, rows], not overlapping.
void linear(Backend& backend, const PreparedLinear& weight, const TensorView& src, const TensorView& dst,
            bool accumulate = false);

/// linear with accumulate, then normed = rms_norm of dst. dst, normed [tokens, rows], not overlapping.
void linear_rms_norm(Backend& backend, const PreparedLinear& weight, const TensorView& src,
                     const TensorView& dst, const TensorView& norm_weight, float epsilon,
                     const TensorView& normed);

/// Fills cos and sin of the angles positions[t] * inv_freq[j], both times magnitude.
void rope_table(Backend& backend, std::span<const std::int64_t> positions, std::span<const float> inv_freq,
                float magnitude, const RopeTables& tables);

/// Rotates the first 2 * tables.columns dimensions of each head in place, half-split. x [tokens, heads, dim].
void rope(Backend& backend, const TensorView& x, const RopeTables& tables);

/// Stores keys and values [tokens, kv_heads, dim] at positions first_position and following.
void kv_append(Backend& backend, const TensorView& keys, const TensorView& values,
               std::int64_t first_position, const KvCacheView& cache);

/// rope of q and of k, then kv_append of k and v for each of the texts whose rows these are, one after the
/// other: q is rotated in place, and what k holds afterwards is not said. q [tokens, heads, dim]; k, v
/// [tokens, kv_heads, dim].
void rope_append(Backend& backend, const TensorView& q, const TensorView& k, const TensorView& v,
                 const RopeTables& tables, std::span<const KvRows> texts);

/// Copies positions [first, end) between caches of the same geometry, as far as the ring still holds them
/// after `end` positions.
void kv_copy(Backend& backend, const KvCacheView& from, std::int64_t first_position,
             std::int64_t end_position, const KvCacheView& to);

/// Slots [first_slot, first_slot + slots) of a cache as bytes on the host: for each slot its keys [kv_heads,
/// dim], then its values, in the cache's dtype.
void kv_read(Backend& backend, const KvCacheView& cache, std::int64_t first_slot, std::int64_t slots,
             std::span<std::byte> bytes);
/// The reverse.
void kv_write(Backend& backend, std::span<const std::byte> bytes, std::int64_t first_slot, std::int64_t slots,
              const KvCacheView& cache);
/// Bytes of one slot in this form.
std::int64_t kv_slot_bytes(const KvCacheView& cache);

/// Windowed grouped-query attention. q, dst [tokens, heads, dim]; q_sink: null, or the queries for the sinks.
void attention(Backend& backend, const TensorView& q, const TensorView* q_sink, const KvCacheView& cache,
               const AttentionParams& params, const TensorView& dst);

/// The first half of a gated MLP: dst = silu(src G^T + b) * (src U^T + c). up null: `gate` stacks G over U;
/// else they are apart. src [tokens, cols], dst [tokens, rows of G], not overlapping.
void gated_linear(Backend& backend, const PreparedLinear& gate, const PreparedLinear* up,
                  const TensorView& src, const TensorView& dst);

/// dst[i] = src[rows[i]]. src [tokens, n], dst [rows.size(), n], not overlapping.
void gather_rows(Backend& backend, const TensorView& src, std::span<const std::int64_t> rows,
                 const TensorView& dst);

/// A token for each row of logits [choices.size(), vocab], NaN being impossible like -infinity; -1 where none
/// is possible. The ids are there when the step is done. For backends that choose tokens.
void choose(Backend& backend, const TensorView& logits, std::span<const TokenChoice> choices,
            std::span<std::int32_t> ids);

}  // namespace transom::backend::ops
