// SPDX-License-Identifier: Apache-2.0
/// Writes keys and values into the ring; contract in attention_args.h. bf16 rounds to nearest even.
#include "kernels/common/attention_args.h"
#include "kernels/common/bf16.h"
#include "kernels/cpu/reference/reference.h"

namespace transom::kernels::reference {
namespace {

void store(KvType type, void* base, size_t at, float value) {
  if (type == KvType::f32) {
    static_cast<float*>(base)[at] = value;
  } else {
    static_cast<uint16_t*>(base)[at] = f32_to_bf16(value);
  }
}

}  // namespace

void kv_append(const KvAppendArgs& args) {
  const KvView& kv = args.kv;
  for (size_t token = 0; token < args.n_tokens; ++token) {
    const size_t slot = ring_slot(args.first_pos + static_cast<int64_t>(token), kv.n_sinks, kv.capacity);
    for (size_t head = 0; head < kv.n_kv_heads; ++head) {
      const size_t from = token * args.row_stride + head * kv.head_dim;
      const size_t to = (head * kv.capacity + slot) * kv.head_dim;
      for (size_t j = 0; j < kv.head_dim; ++j) {
        store(kv.type, kv.keys, to + j, args.k[from + j]);
        store(kv.type, kv.values, to + j, args.v[from + j]);
      }
    }
  }
}

}  // namespace transom::kernels::reference
