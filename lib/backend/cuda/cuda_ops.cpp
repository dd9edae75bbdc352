// SPDX-License-Identifier: Apache-2.0
// Ops of the CUDA backend that read and write each number once.
#include "backend/adapters/kernel_args.h"
#include "backend/cuda/cuda_backend.h"
#include "core/count.h"
#include "kernels/cuda/embed.h"
#include "kernels/cuda/gather_rows.h"
#include "kernels/cuda/rms_norm.h"
#include "kernels/cuda/rope.h"
#include "kernels/cuda/rope_table.h"

namespace transom::backend {

using core::count;

void CudaBackend::embed(const TensorView& table, std::span<const std::int32_t> ids, const TensorView& dst) {
  kernels::EmbedArgs args;
  args.table = table.data;
  args.type = table_type(table.dtype);
  args.ids = steps_.memory().put(ids);
  args.dst = dst.f32();
  args.dst_stride = count(dst.stride[0]);
  args.n_tokens = ids.size();
  args.hidden = count(dst.columns());
  steps_.op(
      "embed", [&](cudaStream_t stream) { return kernels::cuda::launch_embed(args, stream); }, table,
      args.ids, dst);
}

void CudaBackend::rms_norm(const TensorView& src, const TensorView& weight, float epsilon,
                           const TensorView& dst) {
  kernels::RmsNormArgs args;
  args.src = src.f32();
  args.dst = dst.f32();
  args.weight = weight.f32();
  args.hidden = count(src.columns());
  args.epsilon = epsilon;
  args.n_tokens = count(src.rows());
  args.src_stride = count(src.stride[0]);
  args.dst_stride = count(dst.stride[0]);
  if (src.rank == 3) {
    args.heads = count(src.extent[1]);
    args.src_head_stride = count(src.stride[1]);
    args.dst_head_stride = count(dst.stride[1]);
  }
  steps_.op(
      "rms_norm", [&](cudaStream_t stream) { return kernels::cuda::launch_rms_norm(args, stream); }, src,
      weight, epsilon, dst);
}

void CudaBackend::rope_table(std::span<const std::int64_t> positions, std::span<const float> inv_freq,
                             float magnitude, const RopeTables& tables) {
  kernels::RopeTableArgs args;
  args.positions = steps_.memory().put(positions);
  args.inv_freq = steps_.memory().put(inv_freq);
  args.n_tokens = positions.size();
  args.half = inv_freq.size();
  args.magnitude = magnitude;
  args.cos = tables.cos.f32();
  args.sin = tables.sin.f32();
  steps_.op(
      "rope_table", [&](cudaStream_t stream) { return kernels::cuda::launch_rope_table(args, stream); },
      args.positions, args.inv_freq, magnitude, tables.cos, tables.sin);
}

void CudaBackend::rope(const TensorView& x, const RopeTables& tables) {
  const kernels::RopeArgs args = rope_args(x, tables);
  steps_.op(
      "rope", [&](cudaStream_t stream) { return kernels::cuda::launch_rope(args, stream); }, x, tables.cos,
      tables.sin);
}

void CudaBackend::gather_rows(const TensorView& src, std::span<const std::int64_t> rows,
                              const TensorView& dst) {
  kernels::cuda::GatherRowsArgs args;
  args.src = src.f32();
  args.src_stride = count(src.stride[0]);
  args.rows = steps_.memory().put(rows);
  args.dst = dst.f32();
  args.dst_stride = count(dst.stride[0]);
  args.n_rows = rows.size();
  args.n = count(src.columns());
  steps_.op(
      "gather_rows", [&](cudaStream_t stream) { return kernels::cuda::launch_gather_rows(args, stream); },
      src, args.rows, dst);
}

}  // namespace transom::backend
