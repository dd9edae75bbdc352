// SPDX-License-Identifier: Apache-2.0
// The products of the CPU backend: rows prepared once, panels of the weight split over the threads.
#include <algorithm>
#include <cstdint>

#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/cpu_linear.h"
#include "core/count.h"

namespace transom::backend {

using core::count;
using kernels::kPanelColumns;

namespace {

// Gate and up panels that a thread computes before it multiplies them: 512 rows x 4 panels of f32 are 512 KB
// and stay in the L2 cache, where the whole of both halves (36 MB for 512 x 17920) would go to memory and
// back.
constexpr std::size_t kGatedPanels = 2;

/// Where column 0 of a row would be, if column `first` is at p. Kernels count columns from the weight's first
/// output.
float* origin(float* p, std::size_t first) {
  return reinterpret_cast<float*>(reinterpret_cast<std::uintptr_t>(p) - first * sizeof(float));
}

}  // namespace

void CpuBackend::grow(Buffer& buffer, std::size_t bytes) {
  if (buffer.size() < bytes) buffer = Buffer(bytes, "kernel scratch", Buffer::Pages::huge);
}

CpuBackend::Product CpuBackend::start_product(const PreparedLinear& weight, const TensorView& src) {
  const auto& prepared = static_cast<const CpuLinear&>(weight);
  Product product;
  kernels::LinearArgs& args = product.args;
  const TensorView rows = prepared.input_order().empty() ? src : reorder_columns(src, prepared.input_order());
  args.src = rows.f32();
  args.src_stride = count(rows.stride[0]);
  args.weight = prepared.weight();
  args.n_rows = count(src.rows());
  if (args.n_rows <= kernels::kDecodeRows) ahead_.follow(args.weight);
  const CpuLinear::Chosen& chosen = prepared.chosen(args.n_rows);
  const kernels::LinearKernel& kernel = *chosen.kernel;
  args.state = chosen.state;
  product.kernel = &kernel;
  product.prepare_items = kernel.prepare_items(args.n_rows);
  const std::size_t scratch_bytes = kernel.scratch_bytes(args.weight, args.n_rows);
  for (Buffer& buffer : scratch_) grow(buffer, scratch_bytes);
  const std::size_t prepared_bytes = kernel.prepared_bytes(args.weight, args.n_rows);
  if (prepared_bytes == 0) return product;
  // Few rows: every thread prepares them for itself, which is cheaper than waiting for each other.
  product.prepare_privately = args.n_rows <= kernels::kDecodeRows;
  if (product.prepare_privately) {
    for (Buffer& buffer : private_prepared_) grow(buffer, prepared_bytes);
    return product;
  }
  grow(shared_prepared_, prepared_bytes);
  args.prepared = shared_prepared_.data();
  pool_.parallel_ranges(product.prepare_items,
                        [&](std::size_t begin, std::size_t end) { kernel.prepare(args, begin, end); });
  return product;
}

TensorView CpuBackend::reorder_columns(const TensorView& src, std::span<const std::int32_t> order) {
  grow(reordered_, count(src.rows()) * order.size() * sizeof(float));
  const TensorView dst = TensorView::dense(reordered_.data(), DType::f32, {src.rows(), src.columns()});
  const auto reorder = [&](std::size_t begin, std::size_t end) {
    for (std::size_t row = begin; row < end; ++row) {
      const float* const from = src.f32() + row * count(src.stride[0]);
      float* const to = dst.f32() + row * order.size();
      for (std::size_t i = 0; i < order.size(); ++i) to[i] = from[order[i]];
    }
  };
  if (count(src.rows()) <= kernels::kDecodeRows) {
    reorder(0, count(src.rows()));
  } else {
    pool_.parallel_ranges(count(src.rows()), reorder);
  }
  return dst;
}

kernels::LinearArgs CpuBackend::thread_args(const Product& product, std::size_t thread) {
  kernels::LinearArgs args = product.args;
  args.scratch = scratch_[thread].data();
  if (product.prepare_privately) {
    args.prepared = private_prepared_[thread].data();
    product.kernel->prepare(args, 0, product.prepare_items);
  }
  return args;
}

void CpuBackend::linear(const PreparedLinear& weight, const TensorView& src, const TensorView& dst,
                        bool accumulate) {
  Product product = start_product(weight, src);
  product.args.dst = dst.f32();
  product.args.dst_stride = count(dst.stride[0]);
  product.args.accumulate = accumulate;
  // Few rows are read from memory a panel at a time; panels of many rows share a pass over the rows.
  const std::size_t panels = kernels::panel_count(product.args.weight.n);
  shares_.reset(panels, product.args.n_rows <= kernels::kDecodeRows ? 1 : panels);
  pool_.parallel([&](int thread, int) {
    core::SharedRanges::Range range = shares_.take(count(thread));
    if (!range) return;
    kernels::LinearArgs share = thread_args(product, count(thread));
    for (; range; range = shares_.take(count(thread))) {
      share.panel_begin = range.begin;
      share.panel_end = range.end;
      product.kernel->run(share);
    }
  });
}

void CpuBackend::gated_linear(const PreparedLinear& gate_weight, const PreparedLinear* up,
                              const TensorView& src, const TensorView& dst) {
  const std::int64_t columns = dst.columns();
  if (up == nullptr && count(src.rows()) > kernels::kDecodeRows && count(columns) % kPanelColumns == 0) {
    gate_by_panels(start_product(gate_weight, src), dst);
    return;
  }
  grow(gate_and_up_, count(src.rows() * 2 * columns) * sizeof(float));
  const TensorView both = TensorView::dense(gate_and_up_.data(), DType::f32, {src.rows(), 2 * columns});
  linear(gate_weight, src, up == nullptr ? both : both.column_slice(0, columns), false);
  if (up != nullptr) linear(*up, src, both.column_slice(columns, columns), false);
  pool_.parallel_ranges(count(src.rows()), [&](std::size_t begin, std::size_t end) {
    gate(both.f32() + begin * count(2 * columns), count(2 * columns),
         dst.f32() + begin * count(dst.stride[0]), count(dst.stride[0]), end - begin, count(columns));
  });
}

/// Each thread computes matching gate and up panels into its own buffer and multiplies them there.
void CpuBackend::gate_by_panels(const Product& product, const TensorView& dst) {
  const std::size_t rows = product.args.n_rows, panels = count(dst.columns()) / kPanelColumns;
  for (Buffer& buffer : panel_outputs_) grow(buffer, rows * 2 * kGatedPanels * kPanelColumns * sizeof(float));
  pool_.parallel([&](int thread, int n) {
    const std::size_t begin = panels * count(thread) / count(n), end = panels * count(thread + 1) / count(n);
    if (begin == end) return;
    kernels::LinearArgs share = thread_args(product, count(thread));
    float* const outputs = panel_outputs_[count(thread)].as<float>();
    for (std::size_t panel = begin; panel < end; panel += kGatedPanels) {
      const std::size_t taken = std::min(kGatedPanels, end - panel), width = taken * kPanelColumns;
      share.dst_stride = 2 * width;
      const std::size_t gate_panel = panel, up_panel = panels + panel;
      for (const std::size_t first : {gate_panel, up_panel}) {
        float* const to = outputs + (first == gate_panel ? 0 : width);
        share.dst = origin(to, first * kPanelColumns);
        share.panel_begin = first;
        share.panel_end = first + taken;
        product.kernel->run(share);
      }
      gate(outputs, 2 * width, dst.f32() + panel * kPanelColumns, count(dst.stride[0]), rows, width);
    }
  });
}

void CpuBackend::gate(const float* src, std::size_t src_stride, float* dst, std::size_t dst_stride,
                      std::size_t rows, std::size_t columns) {
  kernels::GatedMulArgs args;
  args.src = src;
  args.src_stride = src_stride;
  args.dst = dst;
  args.dst_stride = dst_stride;
  args.n_tokens = rows;
  args.n = columns;
  table_->gated_mul.run(args);
}

}  // namespace transom::backend
