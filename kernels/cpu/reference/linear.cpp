// SPDX-License-Identifier: Apache-2.0
/// Product of activation rows and a packed weight; contract in linear_args.h. f64 sums (exact i32 for i8).
#include "kernels/common/bf16.h"
#include "kernels/common/linear_args.h"
#include "kernels/cpu/reference/reference.h"

namespace transom::kernels::reference {
namespace {

double float_product(const LinearArgs& args, size_t row, size_t out) {
  const PackedWeight& w = args.weight;
  const float* src = args.src + row * args.src_stride;
  double sum = 0;
  for (size_t i = 0; i < w.k; ++i) {
    const size_t at = packed_index(w.type, w.k, out, i);
    const float value = w.type == WeightType::f32 ? static_cast<const float*>(w.data)[at]
                                                  : bf16_to_f32(static_cast<const uint16_t*>(w.data)[at]);
    sum += static_cast<double>(src[i]) * static_cast<double>(value);
  }
  return sum;
}

size_t scale_count(size_t n_rows) { return (n_rows + 15) / 16 * 16; }

double integer_product(const LinearArgs& args, size_t row, size_t out) {
  const PackedWeight& w = args.weight;
  const float* row_scale = static_cast<const float*>(args.prepared);
  const int8_t* src = reinterpret_cast<const int8_t*>(row_scale + scale_count(args.n_rows)) + row * w.k;
  const int8_t* data = static_cast<const int8_t*>(w.data);
  int32_t sum = 0;
  for (size_t i = 0; i < w.k; ++i) sum += src[i] * data[packed_index(w.type, w.k, out, i)];
  return static_cast<double>(sum) * static_cast<double>(row_scale[row] * w.scale[out]);
}

}  // namespace

size_t linear_prepared_bytes(WeightType type, size_t k, size_t n_rows) {
  return type == WeightType::i8 ? scale_count(n_rows) * sizeof(float) + n_rows * k : 0;
}

void linear_prepare(const LinearArgs& args, size_t row_begin, size_t row_end) {
  if (args.weight.type != WeightType::i8) return;
  float* scale = static_cast<float*>(args.prepared);
  quantize_rows({.src = args.src,
                 .src_stride = args.src_stride,
                 .k = args.weight.k,
                 .row_begin = row_begin,
                 .row_end = row_end,
                 .dst = reinterpret_cast<int8_t*>(scale + scale_count(args.n_rows)),
                 .dst_stride = args.weight.k,
                 .scale = scale});
}

void linear(const LinearArgs& args) {
  const PackedWeight& w = args.weight;
  const size_t out_end = args.panel_end * kPanelColumns < w.n ? args.panel_end * kPanelColumns : w.n;
  for (size_t row = 0; row < args.n_rows; ++row) {
    for (size_t out = args.panel_begin * kPanelColumns; out < out_end; ++out) {
      double sum = w.type == WeightType::i8 ? integer_product(args, row, out) : float_product(args, row, out);
      if (w.bias != nullptr) sum += static_cast<double>(w.bias[out]);
      float& dst = args.dst[row * args.dst_stride + out];
      if (args.accumulate) sum += static_cast<double>(dst);
      dst = static_cast<float>(sum);
    }
  }
}

}  // namespace transom::kernels::reference
