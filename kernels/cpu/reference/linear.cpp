// SPDX-License-Identifier: Apache-2.0
/// Product of activation rows and a packed weight; contract in linear_args.h. f64 sums (exact i32 inside a
/// group of integers).
#include "kernels/common/bf16.h"
#include "kernels/common/linear_args.h"
#include "kernels/cpu/reference/reference.h"

namespace transom::kernels::reference {
namespace {

float float_weight(const PackedWeight& w, size_t out, size_t in) {
  const size_t at = packed_index(w.type, w.k, out, in);
  return w.type == WeightType::f32 ? static_cast<const float*>(w.data)[at]
                                   : bf16_to_f32(static_cast<const uint16_t*>(w.data)[at]);
}

size_t group_index(const PackedWeight& w, size_t out, size_t group) {
  return (out / kPanelColumns * w.groups + group) * kPanelColumns + out % kPanelColumns;
}

int zero_of(const PackedWeight& w, size_t out, size_t group) {
  return w.zero == nullptr ? 1 << (weight_bits(w.type) - 1) : w.zero[group_index(w, out, group)];
}

float scale_of(const PackedWeight& w, size_t out, size_t group) {
  const size_t at = group_index(w, out, group);
  if (w.scale_type == ScaleType::f32) return static_cast<const float*>(w.scale)[at];
  const uint16_t bits = static_cast<const uint16_t*>(w.scale)[at];
  return w.scale_type == ScaleType::f16 ? f16_to_f32(bits) : bf16_to_f32(bits);
}

/// Prepared rows of integer products: scales f32 [n_rows, groups], then the integers [n_rows, k].
struct Rows {
  explicit Rows(const LinearArgs& args)
      : k(args.weight.k),
        groups(args.weight.groups),
        scales(static_cast<float*>(args.prepared)),
        values(reinterpret_cast<int8_t*>(scales + args.n_rows * groups)) {}
  size_t k, groups;
  float* scales;
  int8_t* values;
};

double float_product(const LinearArgs& args, size_t row, size_t out) {
  double sum = 0;
  for (size_t i = 0; i < args.weight.k; ++i) {
    sum += static_cast<double>(args.src[row * args.src_stride + i]) *
           static_cast<double>(float_weight(args.weight, out, i));
  }
  return sum;
}

double integer_product(const LinearArgs& args, size_t row, size_t out) {
  const PackedWeight& w = args.weight;
  const Rows rows(args);
  double sum = 0;
  for (size_t group = 0; group < rows.groups; ++group) {
    const size_t begin = group * w.group, end = rows.groups == 1 ? w.k : begin + w.group;
    int32_t exact = 0;
    for (size_t i = begin; i < end && i < w.k; ++i) {
      const int q = static_cast<int>(packed_integer(w.type, w.data, w.k, out, i)) - zero_of(w, out, group);
      exact += rows.values[row * w.k + i] * q;
    }
    const float scale = rows.scales[row * rows.groups + group] * scale_of(w, out, group);
    sum += static_cast<double>(exact) * static_cast<double>(scale);
  }
  return sum;
}

double exact_product(const LinearArgs& args, size_t row, size_t out) {
  const PackedWeight& w = args.weight;
  const size_t groups = w.groups;
  double sum = 0;
  for (size_t i = 0; i < w.k; ++i) {
    const size_t group = groups == 1 ? 0 : i / w.group;
    const int q = static_cast<int>(packed_integer(w.type, w.data, w.k, out, i)) - zero_of(w, out, group);
    const float value = static_cast<float>(q) * scale_of(w, out, group);
    sum += static_cast<double>(args.src[row * args.src_stride + i]) * static_cast<double>(value);
  }
  return sum;
}

template <double (*product)(const LinearArgs&, size_t, size_t)>
void multiply(const LinearArgs& args) {
  const PackedWeight& w = args.weight;
  const size_t out_end = args.panel_end * kPanelColumns < w.n ? args.panel_end * kPanelColumns : w.n;
  for (size_t row = 0; row < args.n_rows; ++row) {
    for (size_t out = args.panel_begin * kPanelColumns; out < out_end; ++out) {
      double sum = product(args, row, out);
      if (w.bias != nullptr) sum += static_cast<double>(w.bias[out]);
      float& dst = args.dst[row * args.dst_stride + out];
      if (args.accumulate) sum += static_cast<double>(dst);
      dst = static_cast<float>(sum);
    }
  }
}

}  // namespace

void linear(const LinearArgs& args) { multiply<float_product>(args); }
void linear_integer(const LinearArgs& args) { multiply<integer_product>(args); }
void linear_exact(const LinearArgs& args) { multiply<exact_product>(args); }

size_t linear_integer_prepared_bytes(const PackedWeight& weight, size_t n_rows) {
  return n_rows * (weight.groups * sizeof(float) + weight.k);
}

void linear_integer_prepare(const LinearArgs& args, size_t row_begin, size_t row_end) {
  const Rows rows(args);
  for (size_t row = row_begin; row < row_end; ++row) {
    for (size_t group = 0; group < rows.groups; ++group) {
      const size_t begin = group * args.weight.group;  // 0 in a single group
      const size_t left = rows.k - begin;
      const size_t count = rows.groups == 1 || left < args.weight.group ? left : args.weight.group;
      quantize_rows({.src = args.src + row * args.src_stride + begin,
                     .src_stride = 0,
                     .k = count,
                     .row_begin = 0,
                     .row_end = 1,
                     .dst = rows.values + row * rows.k + begin,
                     .dst_stride = 0,
                     .scale = rows.scales + row * rows.groups + group});
    }
  }
}

}  // namespace transom::kernels::reference
