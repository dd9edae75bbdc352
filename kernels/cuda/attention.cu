// SPDX-License-Identifier: Apache-2.0
// Which kernel takes an attention, and how it splits; contract in attention.h.
#include "kernels/cuda/attention.h"
#include "kernels/cuda/attention_launch.cuh"

namespace transom::kernels::cuda {
namespace {

bool is_aligned(const void* address, size_t bytes) {
  return reinterpret_cast<uintptr_t>(address) % bytes == 0;
}

/// Whether loads of 16 bytes are aligned, and sizes are ones that kernels are compiled for.
bool takes_tiles(const AttentionArgs& args) {
  const KvView& kv = args.kv;
  if (attention_dim(kv.head_dim) == 0 || kv_row_stride(kv) % kChunkBytes != 0) return false;
  if (kv_has_scales(kv.type) && !kv.scales_apart) return false;
  if (kv.capacity >> 30 != 0 || args.n_heads * args.n_tokens >> 30 != 0) return false;
  return args.q_stride % 4 == 0 && args.dst_stride % 4 == 0 && is_aligned(args.q, kChunkBytes) &&
         is_aligned(args.q_sink, kChunkBytes) && is_aligned(args.dst, kChunkBytes);
}

/// The most keys that a step can see, whatever its position.
size_t most_keys(const AttentionArgs& args) {
  const KvView& kv = args.kv;
  const size_t ring = ring_capacity(kv), window = static_cast<size_t>(args.window);
  if (window == 0) return ring;
  const size_t seen = kv.n_sinks + window - 1 + args.n_tokens,
               ages = args.power_ages ? 64 * args.n_tokens : 0;
  return (seen + ages < ring ? seen + ages : ring) + kv.n_levels * kv.level_slots;
}

constexpr size_t divide_up(size_t n, size_t by) { return (n + by - 1) / by; }

}  // namespace

AttentionKernel attention_kernel(const AttentionArgs& args) {
  if (!takes_tiles(args)) return AttentionKernel::any;
  const size_t rows = args.n_tokens * (args.n_heads / args.kv.n_kv_heads);
  constexpr size_t kMostBlocks = 65535, kBlockRows = 64;  // at the least
  if (rows > kMostAttentionRows)
    return divide_up(rows, kBlockRows) > kMostBlocks ? AttentionKernel::any : AttentionKernel::tiles;
  // An item for each block of 16 rows.
  return args.kv.n_kv_heads * divide_up(kMostAttentionRows, 16) > kAttentionCounters ? AttentionKernel::any
                                                                                     : AttentionKernel::rows;
}

AttentionRowsPlan plan_attention_rows(const AttentionArgs& args) {
  // Two blocks for each of an H100's 132 multiprocessors, all at once; on others nearly as good. A fixed
  // number, so that sums do not depend on the device.
  constexpr size_t kBlocks = 264;
  // A block of fewer keys has done little when the merge begins.
  constexpr size_t kLeastKeys = 256;
  AttentionRowsPlan plan;
  const size_t rows = args.n_tokens * (args.n_heads / args.kv.n_kv_heads);
  plan.dim = attention_dim(args.kv.head_dim);
  plan.row_tiles = rows > 16 && plan.dim <= 128 ? 2 : 1;
  plan.blocks = divide_up(rows, 16 * plan.row_tiles);
  const size_t wanted = divide_up(kBlocks, args.kv.n_kv_heads),
               useful = divide_up(most_keys(args), kLeastKeys);
  plan.parts = wanted < useful ? wanted : useful;
  if (plan.parts > kMostAttentionParts) plan.parts = kMostAttentionParts;
  return plan;
}

size_t attention_scratch_bytes(const AttentionArgs& args) {
  AttentionArgs widest = args;
  const size_t group = args.n_heads / args.kv.n_kv_heads, most_tokens = kMostAttentionRows / group;
  if (widest.n_tokens > most_tokens) widest.n_tokens = most_tokens;
  const size_t rows = divide_up(widest.n_tokens * group, 32) * 32, dim = attention_dim(args.kv.head_dim);
  const size_t parts = widest.n_tokens > 0 ? plan_attention_rows(widest).parts : 0;
  return kAttentionCounters * sizeof(unsigned) +
         args.kv.n_kv_heads * parts * rows * (dim + 2) * sizeof(float);
}

cudaError_t launch_attention(const AttentionArgs& args, const int64_t* first_pos, cudaStream_t stream) {
  switch (attention_kernel(args)) {
    case AttentionKernel::tiles:
      return launch_attention_tiles(args, first_pos, stream);
    case AttentionKernel::rows:
      return launch_attention_rows(args, first_pos, stream);
    default:
      return launch_attention_any(args, first_pos, stream);
  }
}

}  // namespace transom::kernels::cuda
