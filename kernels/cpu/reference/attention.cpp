// SPDX-License-Identifier: Apache-2.0
/// Windowed grouped-query attention, one query at a time; contract in attention_args.h. Two passes over the
/// visible keys (maximum, then weighted sum) instead of the online form, f64 sums, and the ring rule for
/// every single key.
#include <math.h>

#include "kernels/common/attention_args.h"
#include "kernels/common/bf16.h"
#include "kernels/common/e4m3.h"
#include "kernels/cpu/reference/reference.h"

namespace transom::kernels::reference {
namespace {

float element(const KvView& kv, const char* row, size_t j) {
  switch (kv.type) {
    case KvType::f32:
      return reinterpret_cast<const float*>(row)[j];
    case KvType::bf16:
      return bf16_to_f32(reinterpret_cast<const uint16_t*>(row)[j]);
    case KvType::i8:
      return static_cast<float>(reinterpret_cast<const int8_t*>(row)[j]) * kv_row_scale(row, kv.head_dim);
    default:
      return bits_to_f32(bits_of_e4m3(static_cast<uint8_t>(row[j]))) * kv_row_scale(row, kv.head_dim);
  }
}

constexpr size_t kHidden = SIZE_MAX;

constexpr bool is_power_of_two(int64_t n) { return (n & (n - 1)) == 0; }

/// The level in which a query sees a position, 0 in the ring.
size_t visible_level(const AttentionArgs& args, int64_t pos, int64_t q_pos) {
  const int64_t age = q_pos - pos;
  if (args.window == 0 || age < args.window || pos < static_cast<int64_t>(args.kv.n_sinks)) return 0;
  if (args.power_ages) return is_power_of_two(age) ? 0 : kHidden;
  size_t level = 1;
  while (age >= args.window << level) ++level;
  return level <= args.kv.n_levels && pos % (int64_t{1} << level) == 0 ? level : kHidden;
}

/// The row of a position; blocks: kv.keys or kv.values.
const char* cache_row(const KvView& kv, void* const* blocks, size_t kv_head, int64_t pos, size_t level) {
  return kv_row(kv, blocks, kv_head, level == 0 ? ring_slot(kv, pos) : level_slot(kv, level, pos >> level));
}

/// q_at: offset of the query in args.q and args.q_sink.
double score(const AttentionArgs& args, size_t q_at, size_t kv_head, int64_t pos, size_t level) {
  const bool sink = args.q_sink != nullptr && pos < static_cast<int64_t>(args.kv.n_sinks);
  const float* q = (sink ? args.q_sink : args.q) + q_at;
  const char* row = cache_row(args.kv, args.kv.keys, kv_head, pos, level);
  double sum = 0;
  for (size_t j = 0; j < args.kv.head_dim; ++j)
    sum += static_cast<double>(q[j]) * static_cast<double>(element(args.kv, row, j));
  sum *= static_cast<double>(args.scale);
  const double cap = static_cast<double>(args.soft_cap);
  return cap > 0 ? cap * tanh(sum / cap) : sum;
}

void attend(const AttentionArgs& args, size_t token, size_t head) {
  const size_t dim = args.kv.head_dim;
  const size_t kv_head = head / (args.n_heads / args.kv.n_kv_heads);
  const int64_t q_pos = args.first_pos + static_cast<int64_t>(token);
  const size_t q = token * args.q_stride + head * dim;
  float* dst = args.dst + token * args.dst_stride + head * dim;
  double* sums = static_cast<double*>(args.scratch);  // [head_dim]

  double largest = -INFINITY;
  for (int64_t pos = 0; pos <= q_pos; ++pos) {
    const size_t level = visible_level(args, pos, q_pos);
    if (level != kHidden) largest = fmax(largest, score(args, q, kv_head, pos, level));
  }
  double total = 0;
  for (size_t j = 0; j < dim; ++j) sums[j] = 0;
  for (int64_t pos = 0; pos <= q_pos; ++pos) {
    const size_t level = visible_level(args, pos, q_pos);
    if (level == kHidden) continue;
    const double weight = exp(score(args, q, kv_head, pos, level) - largest);
    const char* row = cache_row(args.kv, args.kv.values, kv_head, pos, level);
    total += weight;
    for (size_t j = 0; j < dim; ++j) sums[j] += weight * static_cast<double>(element(args.kv, row, j));
  }
  for (size_t j = 0; j < dim; ++j) dst[j] = static_cast<float>(sums[j] / total);
}

}  // namespace

void attention(const AttentionArgs& args) {
  if (args.part > 0) return;  // the first part does it all
  const size_t group = args.n_heads / args.kv.n_kv_heads;
  for (size_t item = args.item_begin; item < args.item_end; ++item) {
    const size_t kv_head = item % args.kv.n_kv_heads;
    const size_t token_begin = item / args.kv.n_kv_heads * attention_query_tile(args);
    for (size_t token = token_begin;
         token < token_begin + attention_query_tile(args) && token < args.n_tokens; ++token) {
      for (size_t head = kv_head * group; head < (kv_head + 1) * group; ++head) attend(args, token, head);
    }
  }
}

void attention_merge(const AttentionArgs&) {}

}  // namespace transom::kernels::reference
