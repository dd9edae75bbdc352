// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels/common/panel_layout.h"

namespace transom::kernels {

/// A weight in panel layout. Plain pointers: the owner is above.
struct PackedWeight {
  WeightType type = WeightType::f32;
  size_t n = 0;                         ///< outputs
  size_t k = 0;                         ///< inputs; i8: below 2^16, so that an i32 holds every sum
  const void* data = nullptr;           ///< packed_bytes(type, n, k), 64-byte aligned
  const float* scale = nullptr;         ///< i8: [panels * 64], one scale per output; else null
  const int32_t* column_sum = nullptr;  ///< i8: [panels * 64], sum over k of the stored integers; else null
  const float* bias = nullptr;          ///< [panels * 64] (zero padded) or null
};

/// dst[r, o] = sum_i src[r, i] * W[o, i] + bias[o] (+ dst[r, o] when accumulate), for the outputs of panels
/// [panel_begin, panel_end): the caller splits panels over threads. All accumulation is f32 (i32 for i8
/// products).
///
/// i8 weights: src rows are quantised symmetrically as QuantizeRowsArgs says; dst = acc_i32 * (row_scale *
/// scale[o]) + bias. Kernels that need unsigned operands add 128 and correct by column_sum. The result
/// depends neither on the thread split nor on n_rows.
struct LinearArgs {
  const float* src = nullptr;  ///< [n_rows, k]
  size_t src_stride = 0;       ///< elements between rows
  PackedWeight weight;
  float* dst = nullptr;  ///< [n_rows, n]; may not overlap src
  size_t dst_stride = 0;
  size_t n_rows = 0;
  size_t panel_begin = 0, panel_end = 0;
  bool accumulate = false;
  void* prepared = nullptr;  ///< LinearKernel::prepared_bytes, 64-byte aligned: src as the kernel wants it
  void* scratch = nullptr;   ///< LinearKernel::scratch_bytes, 64-byte aligned, private to this call
  void* state = nullptr;     ///< what LinearKernel::create made for this weight, or null
};

/// Below this maximum a row counts as zeros: 127 / max would leave the range of f32.
inline constexpr float kSmallestRowMaximum = 1e-30f;

/// Symmetric int8 rows: dst[r, i] = round_half_even(src[r, i] * (127 / max|src[r]|)), scale[r] = max|src[r]|
/// / 127, the quotients rounded to f32, so that every variant yields the same integers. A row of zeros has
/// scale 0 and integers 0. A row that holds a NaN or an infinity has scale NaN and integers 0. Does rows
/// [row_begin, row_end). dst [n_rows, k], strides in elements.
struct QuantizeRowsArgs {
  const float* src = nullptr;
  size_t src_stride = 0;
  size_t k = 0;
  size_t row_begin = 0, row_end = 0;
  int8_t* dst = nullptr;
  size_t dst_stride = 0;
  float* scale = nullptr;  ///< [n_rows]
};

enum class SourceType : uint8_t { f32, bf16, f16, i8 };

/// Fills panels [panel_begin, panel_end) of a packed weight from rows of a checkpoint.
///
/// rows[o] points at the k inputs of output o, at any byte address, so that a weight may be put together from
/// several tensors (query | key | value, gate | up). To bf16: round to nearest even. To i8 from a float type:
/// per output scale = max|w| / 127, q = round_half_even(w / scale). From i8: the integers are kept, src_scale
/// is copied. Padding is written as zeros. column_sum is filled for i8.
struct PackArgs {
  const void* const* rows = nullptr;  ///< [n]
  SourceType source = SourceType::f32;
  const float* src_scale = nullptr;  ///< source i8: [n]; else null
  WeightType type = WeightType::f32;
  size_t n = 0;
  size_t k = 0;
  void* data = nullptr;           ///< packed_bytes(type, n, k)
  float* scale = nullptr;         ///< i8: [panels * 64]
  int32_t* column_sum = nullptr;  ///< i8: [panels * 64]
  size_t panel_begin = 0, panel_end = 0;
};

}  // namespace transom::kernels
