// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels/common/panel_layout.h"

namespace transom::kernels {

/// A weight in panel layout. Plain pointers: the owner is above.
struct PackedWeight {
  WeightType type = WeightType::f32;
  size_t n = 0;                        ///< outputs
  size_t k = 0;                        ///< inputs
  const void* data = nullptr;          ///< packed_bytes(type, n, k), 64-byte aligned
  const float* scale = nullptr;        ///< i8: [panels * 64], one scale per output; else null
  const int32_t* column_sum = nullptr; ///< i8: [panels * 64], sum over k of the stored integers; else null
  const float* bias = nullptr;         ///< [panels * 64] (zero padded) or null
};

/// dst[r, o] = sum_i src[r, i] * W[o, i] + bias[o] (+ dst[r, o] when accumulate), for the outputs of panels
/// [panel_begin, panel_end): the caller splits panels over threads. All accumulation is f32 (i32 for i8 products).
///
/// i8 weights: src rows are quantised symmetrically, q = round_half_even(x * 127 / max|x|), a row of zeros has scale
/// 0; dst = acc_i32 * (row_scale * scale[o]) + bias. Kernels that need unsigned operands add 128 and correct by
/// column_sum. The result depends neither on the thread split nor on n_rows.
struct LinearArgs {
  const float* src = nullptr;  ///< [n_rows, k]
  size_t src_stride = 0;       ///< elements between rows
  PackedWeight weight;
  float* dst = nullptr;        ///< [n_rows, n]; may not overlap src
  size_t dst_stride = 0;
  size_t n_rows = 0;
  size_t panel_begin = 0, panel_end = 0;
  bool accumulate = false;
  void* scratch = nullptr;     ///< as the kernel's scratch function says, 64-byte aligned, private to this call
};

}  // namespace transom::kernels
