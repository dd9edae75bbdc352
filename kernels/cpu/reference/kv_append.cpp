// SPDX-License-Identifier: Apache-2.0
/// Writes keys and values into the ring; contract in attention_args.h. All round to nearest even.
#include <math.h>

#include "kernels/common/attention_args.h"
#include "kernels/common/bf16.h"
#include "kernels/common/e4m3.h"
#include "kernels/cpu/reference/reference.h"

namespace transom::kernels::reference {
namespace {

void store_e4m3_row(const float* src, size_t n, char* row) {
  float largest = 0;
  bool finite = true;
  for (size_t j = 0; j < n; ++j) {
    finite = finite && isfinite(src[j]);
    largest = fmaxf(largest, fabsf(src[j]));
  }
  const bool usable = finite && largest >= kSmallestRowMaximum;
  const E4m3RowScale bits = usable ? e4m3_row_scale(f32_to_bits(largest)) : E4m3RowScale{};
  const float factor = bits_to_f32(bits.factor), scale = finite ? bits_to_f32(bits.scale) : NAN;
  for (size_t j = 0; j < n; ++j)
    row[j] = static_cast<char>(usable ? e4m3_of_bits(f32_to_bits(src[j] * factor)) : 0);
  memcpy(row + n, &scale, sizeof scale);
}

void store_row(KvType type, const float* src, size_t n, char* row) {
  if (type == KvType::i8) {
    float scale = 0;
    quantize_rows({.src = src,
                   .src_stride = n,
                   .k = n,
                   .row_begin = 0,
                   .row_end = 1,
                   .dst = reinterpret_cast<int8_t*>(row),
                   .dst_stride = n,
                   .scale = &scale});
    memcpy(row + n, &scale, sizeof scale);
    return;
  }
  if (type == KvType::e4m3) return store_e4m3_row(src, n, row);
  for (size_t j = 0; j < n; ++j) {
    if (type == KvType::f32) {
      reinterpret_cast<float*>(row)[j] = src[j];
    } else {
      reinterpret_cast<uint16_t*>(row)[j] = f32_to_bf16(src[j]);
    }
  }
}

}  // namespace

void kv_append(const KvAppendArgs& args) {
  const KvView& kv = args.kv;
  const auto store = [&](size_t token, size_t slot) {
    for (size_t head = 0; head < kv.n_kv_heads; ++head) {
      const size_t from = token * args.row_stride + head * kv.head_dim;
      store_row(kv.type, args.k + from, kv.head_dim, kv_row(kv, kv.keys, head, slot));
      store_row(kv.type, args.v + from, kv.head_dim, kv_row(kv, kv.values, head, slot));
    }
  };
  for (size_t token = 0; token < args.n_tokens; ++token) {
    const int64_t pos = args.first_pos + static_cast<int64_t>(token);
    store(token, ring_slot(kv, pos));
    for (size_t level = 1; level <= kv.n_levels && pos % (int64_t{1} << level) == 0; ++level)
      store(token, level_slot(kv, level, pos >> level));
  }
}

}  // namespace transom::kernels::reference
