// SPDX-License-Identifier: Apache-2.0
/// Attention on the device; contract in attention_args.h, with these differences:
///
/// - first_pos points to device memory, so that a captured graph follows the text; AttentionArgs::first_pos
/// is read by
///   attention_cost.h alone. No launch depends on the position: grids come from shapes and capacities.
/// - item_begin, item_end, part, n_parts and partial are not read. scratch: cuda::attention_scratch_bytes,
/// 256-byte
///   aligned, zeros before its first use, and left so that the next launch of the stream can take it.
/// - Pointers are to device memory, those of the tables kv.keys and kv.values and the tables themselves as
/// well.
/// - Queries and weights are rounded to bf16 on their way into products, and so are f32 keys and values: an
/// f32 cache
///   gives what a bf16 cache gives, at twice the bytes. i8 and e4m3 keys and values are multiplied as they
///   are, their scales in f32. `any` rounds nothing.
#pragma once

#include <cuda_runtime.h>

#include "kernels/common/attention_args.h"

namespace transom::kernels::cuda {

/// tiles: prefill, on tensor cores; bound by arithmetic.
/// rows: at most kMostAttentionRows (token, head of the group) rows, whose keys are split over blocks; bound
/// by memory. any: everything else, slow.
enum class AttentionKernel { tiles, rows, any };

inline constexpr size_t kMostAttentionRows = 64;

/// tiles and rows take a head_dim of at most 256 whose rows in the cache are multiples of 16 bytes (i8: with
/// KvView::scales_apart), q, q_sink and dst that are 16-byte aligned with strides that are multiples of 4,
/// and blocks that are 16-byte aligned.
AttentionKernel attention_kernel(const AttentionArgs& args);

/// Enough for as many tokens as args has, or fewer.
size_t attention_scratch_bytes(const AttentionArgs& args);

/// By attention_kernel.
cudaError_t launch_attention(const AttentionArgs& args, const int64_t* first_pos, cudaStream_t stream);

cudaError_t launch_attention_tiles(const AttentionArgs& args, const int64_t* first_pos, cudaStream_t stream);
cudaError_t launch_attention_rows(const AttentionArgs& args, const int64_t* first_pos, cudaStream_t stream);
cudaError_t launch_attention_any(const AttentionArgs& args, const int64_t* first_pos, cudaStream_t stream);

/// How launch_attention_rows splits keys: into at most `parts` per KV head and tile of rows, each a block,
/// fewer where there are fewer keys.
struct AttentionRowsPlan {
  size_t dim = 0;        ///< head_dim of the kernel
  size_t row_tiles = 0;  ///< of 16 rows, a block
  size_t blocks = 0;     ///< tiles of 16 * row_tiles rows, each reading the keys again
  size_t parts = 0;
};
AttentionRowsPlan plan_attention_rows(const AttentionArgs& args);

}  // namespace transom::kernels::cuda
