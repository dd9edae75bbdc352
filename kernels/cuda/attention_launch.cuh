// SPDX-License-Identifier: Apache-2.0
// What the launchers of attention share.
#pragma once

#include "kernels/cuda/attention.h"
#include "kernels/cuda/attention_keys.cuh"

namespace transom::kernels::cuda {

/// Blocks that attention_rows splits the keys of a KV head over, at most.
constexpr unsigned kMostAttentionParts = 128;
/// Of (KV head, block of rows) items, at the begin of the scratch.
constexpr unsigned kAttentionCounters = 4096;

/// The least head_dim of compiled kernels that holds head_dim, 0 if none does.
constexpr size_t attention_dim(size_t head_dim) {
  return head_dim <= 64 ? 64 : head_dim <= 96 ? 96 : head_dim <= 128 ? 128 : head_dim <= 256 ? 256 : 0;
}

template <auto kValue>
struct Constant {
  static constexpr auto value = kValue;
};

/// start(type, dim) with the constants of the kernel that takes this cache.
template <class Start>
cudaError_t with_constants_of(const KvView& kv, const Start& start) {
  const auto with_dim = [&](auto type) {
    switch (attention_dim(kv.head_dim)) {
      case 64:
        return start(type, Constant<64>());
      case 96:
        return start(type, Constant<96>());
      case 128:
        return start(type, Constant<128>());
      default:
        return start(type, Constant<256>());
    }
  };
  switch (kv.type) {
    case KvType::f32:
      return with_dim(Constant<KvType::f32>());
    case KvType::bf16:
      return with_dim(Constant<KvType::bf16>());
    case KvType::i8:
      return with_dim(Constant<KvType::i8>());
    default:
      return with_dim(Constant<KvType::e4m3>());
  }
}

inline AttentionParameters attention_parameters(const AttentionArgs& args, const int64_t* first_pos) {
  AttentionParameters p = {};
  p.args = args;
  p.args.part = 0;
  p.args.n_parts = 1;
  p.first_pos = first_pos;
  p.group = static_cast<unsigned>(args.n_heads / args.kv.n_kv_heads);
  p.rows = static_cast<unsigned>(args.n_tokens) * p.group;
  while (size_t{1} << p.block_shift < args.kv.block_slots) ++p.block_shift;
  p.head_bytes = static_cast<unsigned>(kv_head_bytes(args.kv));
  p.row_stride = static_cast<unsigned>(kv_row_stride(args.kv));
  constexpr int64_t kAllKeys = int64_t{1} << 30;
  p.window = static_cast<int>(args.window == 0 || args.window > kAllKeys ? kAllKeys : args.window);
  p.query_factor = args.scale * (args.soft_cap > 0 ? 1.0f / args.soft_cap : kLog2E);
  return p;
}

}  // namespace transom::kernels::cuda
