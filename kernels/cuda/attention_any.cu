// SPDX-License-Identifier: Apache-2.0
// Attention of any shape and any layout of the cache, a block a (token, head) row; contract in attention.h.
// Slow: what the other kernels do not take is odd. f32 throughout, an online softmax over runs of at most 64
// keys, sums in dst itself.
#include "kernels/common/e4m3.h"
#include "kernels/cuda/attention_launch.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/reduce.cuh"

namespace transom::kernels::cuda {
namespace {

constexpr unsigned kThreads = 128, kWarps = kThreads / kWarpLanes;

struct Shared {
  float scores[kAttentionKeyTile];   // in units of log2
  float weights[kAttentionKeyTile];  // with the scales of values
};

/// The rows of a head from a slot on to the end of its block.
struct AnyRows {
  const char* rows;
  const char* scales;  // where rows have some
  size_t stride, scale_stride;
  KvType type;

  __device__ __forceinline__ AnyRows(const AttentionParameters& p, void* const* blocks, unsigned kv_head,
                                     size_t slot) {
    const KvView& kv = p.args.kv;
    const size_t in_block = slot & (kv.block_slots - 1);
    const char* head =
        static_cast<const char*>(load_global(blocks + (slot >> p.block_shift))) + kv_head * kv_head_bytes(kv);
    type = kv.type;
    stride = kv_row_stride(kv);
    rows = head + in_block * stride;
    scale_stride = kv.scales_apart ? sizeof(float) : stride;
    scales =
        kv.scales_apart ? head + kv.block_slots * kv.head_dim + in_block * scale_stride : rows + kv.head_dim;
  }
  /// Without its scale.
  __device__ __forceinline__ float element(size_t row, size_t j) const {
    const char* from = rows + row * stride;
    if (type == KvType::f32) return load_global(reinterpret_cast<const float*>(from) + j);
    if (type == KvType::bf16) return bf16_low(load_global(reinterpret_cast<const uint16_t*>(from) + j));
    if (type == KvType::i8) return static_cast<float>(load_global(reinterpret_cast<const int8_t*>(from) + j));
    return bits_as_float(bits_of_e4m3(load_global(reinterpret_cast<const uint8_t*>(from) + j)));
  }
  /// Byte by byte: rows of an odd head_dim hold it anywhere.
  __device__ __forceinline__ float scale(size_t row) const {
    if (!kv_has_scales(type)) return 1;
    uint32_t bits = 0;
    for (int i = 0; i < 4; ++i)
      bits |= uint32_t{load_global(reinterpret_cast<const uint8_t*>(scales + row * scale_stride) + i)}
              << (8 * i);
    return bits_as_float(bits);
  }
};

/// By a warp, in every lane.
__device__ __forceinline__ float score(const AttentionParameters& p, const float* q, const AnyRows& keys,
                                       size_t row) {
  float sum = 0;
  for (size_t j = threadIdx.x % kWarpLanes; j < p.args.kv.head_dim; j += kWarpLanes)
    sum += load_global(q + j) * keys.element(row, j);
  sum = warp_sum(sum) * (p.query_factor * keys.scale(row));
  return p.args.soft_cap > 0 ? p.args.soft_cap * kLog2E * tanhf(sum) : sum;
}

__global__ void __launch_bounds__(kThreads) attention_any(AttentionParameters p) {
  Shared& shared = block_shared<Shared>();
  const AttentionArgs& args = p.args;
  const size_t dim = args.kv.head_dim;
  const unsigned token = blockIdx.x, head = blockIdx.y, kv_head = head / p.group;
  const int64_t q_pos = load_global(p.first_pos) + token;
  float* dst = args.dst + token * args.dst_stride + head * dim;
  float largest = -INFINITY, total = 0;
  KeyRuns runs(args, q_pos, q_pos + 1);  // of a single query: all are visible
  for (KeyRun run = runs.next(); run.count > 0; run = runs.next()) {
    const bool sinks = args.q_sink != nullptr && run.pos < static_cast<int64_t>(args.kv.n_sinks);
    const float* q = (sinks ? args.q_sink : args.q) + token * args.q_stride + head * dim;
    const AnyRows keys(p, args.kv.keys, kv_head, run.slot), values(p, args.kv.values, kv_head, run.slot);
    for (unsigned i = threadIdx.x / kWarpLanes; i < run.count; i += kWarps) {
      const float s = score(p, q, keys, i);
      if (threadIdx.x % kWarpLanes == 0) store_shared(shared.scores + i, s);
    }
    block_sync();
    float most = largest;
    for (unsigned i = 0; i < run.count; ++i) most = fmaxf(most, load_shared(shared.scores + i));
    const float factor = total == 0 ? 0.0f : exp2_fast(largest - most);
    largest = most;
    if (threadIdx.x < run.count)
      store_shared(shared.weights + threadIdx.x,
                   exp2_fast(load_shared(shared.scores + threadIdx.x) - most) * values.scale(threadIdx.x));
    total *= factor;
    for (unsigned i = 0; i < run.count; ++i) total += exp2_fast(load_shared(shared.scores + i) - most);
    block_sync();
    for (size_t j = threadIdx.x; j < dim; j += kThreads) {
      float sum = factor == 0 ? 0.0f : load_global(dst + j) * factor;
      for (unsigned i = 0; i < run.count; ++i) sum += load_shared(shared.weights + i) * values.element(i, j);
      store_global(dst + j, sum);
    }
  }
  for (size_t j = threadIdx.x; j < dim; j += kThreads) store_global(dst + j, load_global(dst + j) / total);
}

}  // namespace

cudaError_t launch_attention_any(const AttentionArgs& args, const int64_t* first_pos, cudaStream_t stream) {
  if (args.n_tokens == 0 || args.n_heads == 0) return cudaSuccess;
  const dim3 grid(static_cast<unsigned>(args.n_tokens), static_cast<unsigned>(args.n_heads));
  return launch(attention_any, grid, dim3(kThreads), sizeof(Shared), stream,
                attention_parameters(args, first_pos));
}

}  // namespace transom::kernels::cuda
