// SPDX-License-Identifier: Apache-2.0
#include "backend/ops.h"

#include <algorithm>

#include "backend/kv_slots.h"
#include "core/checks.h"
#include "transom/error.h"

namespace transom::backend::ops {

using core::message;

namespace {

/// The parts are only turned into text when the check fails: nothing is allocated otherwise.
template <typename... Parts>
void require(bool ok, const Parts&... parts) {
  if (!ok) throw InvalidArgument(message(parts...));
}

bool is_matrix(const TensorView& view) { return view.dtype == DType::f32 && view.rank == 2; }
bool is_heads(const TensorView& view) { return view.dtype == DType::f32 && view.rank == 3; }
bool is_float(DType dtype) { return dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16; }

bool same_extents(const TensorView& a, const TensorView& b) {
  return a.rank == b.rank && a.extent == b.extent;
}

void check_cache(const char* op, const KvCacheView& cache, std::int64_t kv_heads, std::int64_t dim) {
  const TensorView& keys = cache.keys;
  require(keys.rank == 3 && same_extents(keys, cache.values) && keys.dtype == cache.values.dtype &&
              (keys.dtype == DType::f32 || keys.dtype == DType::bf16 || keys.dtype == DType::i8 ||
               keys.dtype == DType::f8_e4m3),
          op, ": expected equal key and value caches, found ", keys, " and ", cache.values);
  require(keys.extent[0] == kv_heads && keys.extent[2] == dim, op, ": cache ", keys, " does not fit ",
          kv_heads, " heads of ", dim);
  require(cache.levels >= 0 && cache.level_slots >= 0 && cache.sinks < cache.ring_capacity() &&
              (cache.levels == 0 || cache.sinks == 0),
          op, ": ", cache.sinks, " sinks and ", cache.levels, " levels of ", cache.level_slots,
          " slots, cache ", keys);
  require(cache.block_slots >= kLeastBlockSlots && (cache.block_slots & (cache.block_slots - 1)) == 0 &&
              cache.key_blocks != nullptr && cache.value_blocks != nullptr,
          op, ": blocks of ", cache.block_slots, " slots, cache ", keys);
}

/// Slots [first, first + slots) must have blocks.
void check_blocks(const char* op, const KvCacheView& cache, std::int64_t first, std::int64_t slots) {
  for (std::int64_t block = first / cache.block_slots; block * cache.block_slots < first + slots; ++block) {
    require(cache.key_blocks[block] != nullptr && cache.value_blocks[block] != nullptr, op, ": slots ", first,
            " to ", first + slots, " need block ", block, ", cache ", cache.keys);
  }
}

void check_norm(const char* op, const TensorView& src, const TensorView& weight, const TensorView& dst) {
  require((is_matrix(src) || is_heads(src)) && same_extents(src, dst) && weight.rank == 1 &&
              weight.dtype == DType::f32 && weight.extent[0] == src.columns(),
          op, ": src ", src, ", weight ", weight, ", dst ", dst);
}

void check_linear(const char* op, const PreparedLinear& weight, const TensorView& src,
                  const TensorView& dst) {
  require(is_matrix(src) && is_matrix(dst) && src.rows() == dst.rows() && src.columns() == weight.cols &&
              dst.columns() == weight.rows,
          op, ": src ", src, ", weight [", weight.rows, ", ", weight.cols, "], dst ", dst);
}

void check_rope(const char* op, const TensorView& x, const RopeTables& tables) {
  require(is_heads(x) && is_matrix(tables.cos) && tables.cos.rows() == x.rows() &&
              2 * tables.cos.columns() <= x.columns(),
          op, ": x ", x, ", tables ", tables.cos);
}

void check_append(const char* op, const TensorView& keys, const TensorView& values,
                  std::int64_t first_position, const KvCacheView& cache) {
  require(is_heads(keys) && same_extents(keys, values) && keys.stride == values.stride && first_position >= 0,
          op, ": keys ", keys, ", values ", values);
  check_cache(op, cache, keys.extent[1], keys.extent[2]);
  const std::int64_t capacity = cache.ring_capacity();
  require(first_position + keys.rows() <= capacity || keys.rows() <= capacity - cache.sinks, op, ": ",
          keys.rows(), " tokens at ", first_position, ", cache ", cache.keys);
  for_each_slots(cache, first_position, first_position + keys.rows(),
                 [&](std::int64_t slot, std::int64_t slots) { check_blocks(op, cache, slot, slots); });
}

void check_slots(const char* op, const KvCacheView& cache, std::int64_t first_slot, std::int64_t slots,
                 std::size_t bytes) {
  check_cache(op, cache, cache.keys.extent[0], cache.keys.extent[2]);
  require(first_slot >= 0 && slots >= 0 && slots <= cache.keys.extent[1] - first_slot &&
              static_cast<std::int64_t>(bytes) == slots * kv_slot_bytes(cache),
          op, ": ", slots, " slots from ", first_slot, " in ", bytes, " bytes, cache ", cache.keys);
  check_blocks(op, cache, first_slot, slots);
}

}  // namespace

void embed(Backend& backend, const TensorView& table, std::span<const std::int32_t> ids,
           const TensorView& dst) {
  require(table.rank == 2 && is_float(table.dtype) && is_matrix(dst) && dst.columns() == table.columns() &&
              dst.rows() == static_cast<std::int64_t>(ids.size()),
          "embed: table ", table, ", ", ids.size(), " ids, dst ", dst);
  for (const std::int32_t id : ids) {
    require(id >= 0 && id < table.rows(), "token id ", id, " is outside the vocabulary of ", table.rows());
  }
  backend.embed(table, ids, dst);
}

void rms_norm(Backend& backend, const TensorView& src, const TensorView& weight, float epsilon,
              const TensorView& dst) {
  check_norm("rms_norm", src, weight, dst);
  backend.rms_norm(src, weight, epsilon, dst);
}

void linear(Backend& backend, const PreparedLinear& weight, const TensorView& src, const TensorView& dst,
            bool accumulate) {
  check_linear("linear", weight, src, dst);
  if (src.rows() > 0) backend.linear(weight, src, dst, accumulate);
}

void linear_rms_norm(Backend& backend, const PreparedLinear& weight, const TensorView& src,
                     const TensorView& dst, const TensorView& norm_weight, float epsilon,
                     const TensorView& normed) {
  check_linear("linear_rms_norm", weight, src, dst);
  check_norm("linear_rms_norm", dst, norm_weight, normed);
  if (src.rows() > 0) backend.linear_rms_norm(weight, src, dst, norm_weight, epsilon, normed);
}

void rope_table(Backend& backend, std::span<const std::int64_t> positions, std::span<const float> inv_freq,
                float magnitude, const RopeTables& tables) {
  require(is_matrix(tables.cos) && is_matrix(tables.sin) && same_extents(tables.cos, tables.sin) &&
              tables.cos.rows() == static_cast<std::int64_t>(positions.size()) &&
              tables.cos.columns() == static_cast<std::int64_t>(inv_freq.size()),
          "rope_table: ", positions.size(), " positions, ", inv_freq.size(), " frequencies, tables ",
          tables.cos, " and ", tables.sin);
  backend.rope_table(positions, inv_freq, magnitude, tables);
}

void rope(Backend& backend, const TensorView& x, const RopeTables& tables) {
  check_rope("rope", x, tables);
  backend.rope(x, tables);
}

void kv_append(Backend& backend, const TensorView& keys, const TensorView& values,
               std::int64_t first_position, const KvCacheView& cache) {
  check_append("kv_append", keys, values, first_position, cache);
  backend.kv_append(keys, values, first_position, cache);
}

void rope_append(Backend& backend, const TensorView& q, const TensorView& k, const TensorView& v,
                 const RopeTables& tables, std::span<const KvRows> texts) {
  check_rope("rope_append", q, tables);
  check_rope("rope_append", k, tables);
  require(q.columns() == k.columns(), "rope_append: q ", q, ", k ", k);
  require(is_heads(v) && v.rows() == k.rows(), "rope_append: k ", k, ", v ", v);
  std::int64_t row = 0;
  for (const KvRows& text : texts) {
    require(text.rows >= 0 && text.rows <= q.rows() - row, "rope_append: ", text.rows, " rows from ", row,
            ", q ", q);
    check_append("rope_append", k.row_slice(row, text.rows), v.row_slice(row, text.rows), text.first_position,
                 *text.cache);
    row += text.rows;
  }
  require(row == q.rows(), "rope_append: ", row, " rows of texts, q ", q);
  backend.rope_append_texts(q, k, v, tables, texts);
}

void kv_copy(Backend& backend, const KvCacheView& from, std::int64_t first_position,
             std::int64_t end_position, const KvCacheView& to) {
  require(same_extents(from.keys, to.keys) && from.keys.dtype == to.keys.dtype && from.sinks == to.sinks &&
              from.levels == to.levels && from.level_slots == to.level_slots,
          "kv_copy: from ", from.keys, ", to ", to.keys);
  check_cache("kv_copy", from, from.keys.extent[0], from.keys.extent[2]);
  check_cache("kv_copy", to, to.keys.extent[0], to.keys.extent[2]);
  require(first_position >= 0 && first_position <= end_position, "kv_copy: positions ", first_position,
          " to ", end_position);
  for_each_slots(to, first_position, end_position, [&](std::int64_t slot, std::int64_t slots) {
    check_blocks("kv_copy", from, slot, slots);
    check_blocks("kv_copy", to, slot, slots);
  });
  backend.kv_copy(from, first_position, end_position, to);
}

std::int64_t kv_slot_bytes(const KvCacheView& cache) {
  return 2 * cache.keys.extent[0] * kv_row_bytes(cache.keys.dtype, cache.keys.extent[2]);
}

void kv_read(Backend& backend, const KvCacheView& cache, std::int64_t first_slot, std::int64_t slots,
             std::span<std::byte> bytes) {
  check_slots("kv_read", cache, first_slot, slots, bytes.size());
  backend.kv_read(cache, first_slot, slots, bytes);
}

void kv_write(Backend& backend, std::span<const std::byte> bytes, std::int64_t first_slot, std::int64_t slots,
              const KvCacheView& cache) {
  check_slots("kv_write", cache, first_slot, slots, bytes.size());
  backend.kv_write(bytes, first_slot, slots, cache);
}

void attention(Backend& backend, const TensorView& q, const TensorView* q_sink, const KvCacheView& cache,
               const AttentionParams& params, const TensorView& dst) {
  require(is_heads(q) && same_extents(q, dst) && params.window >= 0 && params.first_position >= 0,
          "attention: q ", q, ", dst ", dst);
  require(q_sink == nullptr || (same_extents(q, *q_sink) && q.stride == q_sink->stride),
          "attention: q and q_sink differ");
  const std::int64_t kv_heads = cache.keys.extent[0];
  check_cache("attention", cache, kv_heads, q.columns());
  require(kv_heads > 0 && q.extent[1] % kv_heads == 0, "attention: ", q.extent[1], " heads, ", kv_heads,
          " KV heads");
  const std::int64_t last = params.first_position + q.rows();
  require(!params.power_ages || (params.window > 0 && cache.sinks == 0 && cache.levels == 0),
          "attention: power ages with window ", params.window, ", ", cache.sinks, " sinks, ", cache.levels,
          " levels");
  const bool all = params.window == 0 || params.power_ages;
  const std::int64_t needed = all ? last : std::min(last, params.window - 1 + q.rows());
  const std::int64_t capacity = cache.ring_capacity();
  require(needed <= capacity - cache.sinks || last <= capacity, "attention: ", needed,
          " positions are visible, cache ", cache.keys);
  require(cache.levels == 0 || (params.window > 0 && cache.level_slots >= params.window + (q.rows() + 1) / 2),
          "attention: window ", params.window, ", ", q.rows(), " tokens, levels of ", cache.level_slots,
          " slots");
  backend.attention(q, q_sink, cache, params, dst);
}

void gated_linear(Backend& backend, const PreparedLinear& gate, const PreparedLinear* up,
                  const TensorView& src, const TensorView& dst) {
  const std::int64_t rows = gate.rows + (up != nullptr ? up->rows : 0);
  require(is_matrix(src) && is_matrix(dst) && src.rows() == dst.rows() && src.columns() == gate.cols &&
              2 * dst.columns() == rows &&
              (up == nullptr || (up->cols == gate.cols && up->rows == gate.rows)),
          "gated_linear: src ", src, ", weight [", rows, ", ", gate.cols, "], dst ", dst);
  if (src.rows() > 0) backend.gated_linear(gate, up, src, dst);
}

void gather_rows(Backend& backend, const TensorView& src, std::span<const std::int64_t> rows,
                 const TensorView& dst) {
  require(is_matrix(src) && is_matrix(dst) && src.columns() == dst.columns() &&
              dst.rows() == static_cast<std::int64_t>(rows.size()),
          "gather_rows: src ", src, ", ", rows.size(), " rows, dst ", dst);
  for (const std::int64_t row : rows)
    require(row >= 0 && row < src.rows(), "gather_rows: row ", row, " of ", src.rows());
  backend.gather_rows(src, rows, dst);
}

void choose(Backend& backend, const TensorView& logits, std::span<const TokenChoice> choices,
            std::span<std::int32_t> ids) {
  require(backend.chooses_tokens(), "choose: the device does not choose tokens");
  require(is_matrix(logits) && logits.columns() > 0 && logits.columns() <= kMostTokensToChoose &&
              logits.rows() == static_cast<std::int64_t>(choices.size()) && ids.size() == choices.size(),
          "choose: logits ", logits, ", ", choices.size(), " choices, ", ids.size(), " ids");
  for (const TokenChoice& choice : choices) {
    require(choice.usable >= 0 && choice.usable <= logits.columns() && choice.temperature > 0 &&
                choice.top_k >= 0 && choice.top_p > 0 && choice.top_p <= 1 && choice.min_p >= 0 &&
                choice.min_p <= 1,
            "choose: ", choice.usable, " of ", logits.columns(), " tokens, temperature ", choice.temperature,
            ", top_k ", choice.top_k, ", top_p ", choice.top_p, ", min_p ", choice.min_p);
  }
  if (!choices.empty()) backend.choose(logits, choices, ids);
}

}  // namespace transom::backend::ops
