// SPDX-License-Identifier: Apache-2.0
// The products and the attention of the CUDA backend, and the scratch that they share: ops of a stream take
// turns.
#include <algorithm>

#include "backend/adapters/kernel_args.h"
#include "backend/cuda/cuda_backend.h"
#include "backend/cuda/cuda_linear.h"
#include "core/count.h"
#include "kernels/cuda/attention.h"
#include "kernels/cuda/convert_activations.h"
#include "kernels/cuda/dense_rows.h"
#include "kernels/cuda/gated_mul.h"
#include "kernels/cuda/linear_rows.h"
#include "kernels/cuda/linear_tiles.h"

namespace transom::backend {

using core::count;

namespace {

// Slots of a cache whose keys are split into as many parts as any cache's.
constexpr std::size_t kAnyCapacity = std::size_t{1} << 30;

/// Whether our own kernel takes a product with floats.
bool is_few_dense_rows(const kernels::cuda::TiledLinearArgs& args) {
  return args.n_rows <= kernels::cuda::kMostLinearRows && kernels::cuda::takes_dense_rows(args.weight);
}

}  // namespace

std::unique_ptr<PreparedLinear> CudaBackend::prepare_linear(const LinearWeights& weights) {
  const std::lock_guard lock(mutex_);
  use_device();
  if (packers_ == nullptr) packers_ = std::make_unique<core::ThreadPool>(threads_, false);
  return std::make_unique<CudaLinear>(weights, *packers_, uploads_, *arena_);
}

void CudaBackend::reserve(const WorkspaceLimits& limits) {
  const std::lock_guard lock(mutex_);
  use_device();
  packers_.reset();  // the weights are there
  uploads_.release();
  kernels::AttentionArgs args = attention_args(limits);
  args.kv.capacity = kAnyCapacity;
  scratch(attention_scratch_, kernels::cuda::attention_scratch_bytes(args));
}

void CudaBackend::linear(const PreparedLinear& weight, const TensorView& src, const TensorView& dst,
                         bool accumulate) {
  const auto& prepared = static_cast<const CudaLinear&>(weight);
  const kernels::cuda::TiledLinearArgs args = linear_args(prepared, src, dst, accumulate);
  if (prepared.is_integer()) return multiply_integers(prepared, args, src, dst);
  if (is_few_dense_rows(args)) return multiply_few_rows(args, src, dst);
  DenseProduct product;
  product.bf16 = prepared.is_bf16();
  product.rows = src.rows();
  product.n = weight.rows;
  product.k = weight.cols;
  product.weight = prepared.dense();
  product.src = src.data;
  product.src_stride = src.stride[0];
  product.dst = dst.f32();
  product.dst_stride = dst.stride[0];
  product.bias = prepared.bias();
  product.accumulate = accumulate;
  if (product.bf16) {
    const kernels::cuda::Activations converted = convert(args, kernels::cuda::ActivationType::half, src);
    product.src = converted.values;
    product.src_stride = static_cast<std::int64_t>(converted.pitch / sizeof(std::uint16_t));
  }
  dense_.prepare(product);
  steps_.op(
      "linear", [&](cudaStream_t stream) { return dense_.launch(product, stream); }, product.weight, src, dst,
      product.bias, accumulate);
}

void CudaBackend::linear_rms_norm(const PreparedLinear& weight, const TensorView& src, const TensorView& dst,
                                  const TensorView& norm_weight, float epsilon, const TensorView& normed) {
  const auto& prepared = static_cast<const CudaLinear&>(weight);
  kernels::cuda::TiledLinearArgs args = linear_args(prepared, src, dst, true);
  args.norm.weight = norm_weight.f32();
  args.norm.epsilon = epsilon;
  args.norm.normed = normed.f32();
  args.norm.normed_stride = count(normed.stride[0]);
  if (!kernels::cuda::takes_norm(args) || !(prepared.is_integer() || is_few_dense_rows(args)))
    return Backend::linear_rms_norm(weight, src, dst, norm_weight, epsilon, normed);
  args.norm.arrivals = static_cast<unsigned*>(scratch(norm_arrivals_, sizeof(unsigned)));
  if (prepared.is_integer()) return multiply_integers(prepared, args, src, dst);
  multiply_few_rows(args, src, dst);
}

void CudaBackend::multiply_few_rows(const kernels::cuda::TiledLinearArgs& args, const TensorView& src,
                                    const TensorView& dst) {
  const kernels::cuda::SplitScratch split =
      split_scratch(kernels::cuda::linear_rows_sums(args, multiprocessors_), args.weight.n);
  steps_.op(
      "dense_rows",
      [&](cudaStream_t stream) {
        return kernels::cuda::launch_dense_rows(args, split, multiprocessors_, stream);
      },
      args.weight.data, src, dst, args.accumulate, args.norm.weight, args.norm.epsilon, args.norm.normed,
      args.norm.normed_stride);
}

kernels::cuda::TiledLinearArgs CudaBackend::linear_args(const CudaLinear& weight, const TensorView& src,
                                                        const TensorView& dst, bool accumulate) {
  kernels::cuda::TiledLinearArgs args;
  args.src = src.f32();
  args.src_stride = count(src.stride[0]);
  args.input_order = weight.input_order();
  args.weight = weight.tiled();
  args.dst = dst.f32();
  args.dst_stride = count(dst.stride[0]);
  args.n_rows = count(src.rows());
  args.accumulate = accumulate;
  return args;
}

kernels::cuda::SplitScratch CudaBackend::split_scratch(std::size_t sums, std::size_t outputs) {
  kernels::cuda::SplitScratch split;
  split.sums = static_cast<float*>(scratch(product_sums_, sums * sizeof(float)));
  split.arrivals =
      static_cast<unsigned*>(scratch(arrivals_, kernels::strip_count(outputs) * sizeof(unsigned)));
  return split;
}

kernels::cuda::Activations CudaBackend::convert(const kernels::cuda::TiledLinearArgs& args,
                                                kernels::cuda::ActivationType type, const TensorView& src) {
  const kernels::cuda::Activations converted = kernels::cuda::place_activations(
      args, type, scratch(activations_, kernels::cuda::activations_bytes(args, type)));
  steps_.op(
      "convert_activations",
      [&](cudaStream_t stream) { return kernels::cuda::launch_convert_activations(args, converted, stream); },
      src, type, args.input_order);
  return converted;
}

void CudaBackend::multiply_integers(const CudaLinear& weight, const kernels::cuda::TiledLinearArgs& args,
                                    const TensorView& src, const TensorView& dst) {
  const bool few = args.n_rows <= kernels::cuda::kMostLinearRows;
  const auto type =
      weight.int8_activations() ? kernels::cuda::ActivationType::int8 : kernels::cuda::ActivationType::half;
  const std::size_t sums = few ? kernels::cuda::linear_rows_sums(args, multiprocessors_)
                               : kernels::cuda::linear_tiles_sums(args, type, multiprocessors_);
  const kernels::cuda::SplitScratch split = split_scratch(sums, args.weight.n);
  if (few) {
    steps_.op(
        "linear_rows",
        [&](cudaStream_t stream) {
          return kernels::cuda::launch_linear_rows(args, split, multiprocessors_, stream);
        },
        args.weight.data, src, dst, args.accumulate, args.gated, args.norm.weight, args.norm.epsilon,
        args.norm.normed, args.norm.normed_stride);
    return;
  }
  const kernels::cuda::Activations activations = convert(args, type, src);
  steps_.op(
      "linear_tiles",
      [&](cudaStream_t stream) {
        return kernels::cuda::launch_linear_tiles(args, activations, split, multiprocessors_, stream);
      },
      args.weight.data, src, dst, args.accumulate, args.gated);
}

void CudaBackend::gated_linear(const PreparedLinear& gate, const PreparedLinear* up, const TensorView& src,
                               const TensorView& dst) {
  const auto& prepared = static_cast<const CudaLinear&>(gate);
  constexpr std::int64_t kStrip = kernels::kStripOutputs;
  if (up == nullptr && prepared.is_integer() && dst.columns() % kStrip == 0) {
    kernels::cuda::TiledLinearArgs args = linear_args(prepared, src, dst, false);
    args.gated = true;
    return multiply_integers(prepared, args, src, dst);
  }
  const std::int64_t columns = dst.columns();
  const TensorView both =
      TensorView::dense(scratch(gate_and_up_, count(src.rows() * 2 * columns) * sizeof(float)), DType::f32,
                        {src.rows(), 2 * columns});
  linear(gate, src, up == nullptr ? both : both.column_slice(0, columns), false);
  if (up != nullptr) linear(*up, src, both.column_slice(columns, columns), false);
  kernels::GatedMulArgs args;
  args.src = both.f32();
  args.src_stride = count(2 * columns);
  args.dst = dst.f32();
  args.dst_stride = count(dst.stride[0]);
  args.n_tokens = count(src.rows());
  args.n = count(columns);
  steps_.op(
      "gated_mul", [&](cudaStream_t stream) { return kernels::cuda::launch_gated_mul(args, stream); }, both,
      dst);
}

void CudaBackend::attention(const TensorView& q, const TensorView* q_sink, const KvCacheView& cache,
                            const AttentionParams& params, const TensorView& dst) {
  const StepCache step = step_cache(cache, params.first_position);
  kernels::AttentionArgs args = attention_args(q, q_sink, step.view, params, dst);
  args.scratch = scratch(attention_scratch_, kernels::cuda::attention_scratch_bytes(args));
  // Who keeps keys and values in f32 asks for exact numbers: the kernels on tensor cores round to bf16.
  const auto launch = args.kv.type == kernels::KvType::f32 ? kernels::cuda::launch_attention_any
                                                           : kernels::cuda::launch_attention;
  steps_.op(
      "attention", [&](cudaStream_t stream) { return launch(args, step.first_position, stream); }, q,
      args.q_sink, cache, step.first_position, params.window, params.scale, params.soft_cap,
      params.power_ages, dst);
}

}  // namespace transom::backend
