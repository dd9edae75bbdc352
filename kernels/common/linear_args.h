// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels/common/panel_layout.h"

namespace transom::kernels {

/// How scales of integer weights are kept.
enum class ScaleType : uint8_t { f32, f16, bf16 };
constexpr size_t scale_size(ScaleType type) { return type == ScaleType::f32 ? 4 : 2; }

/// A weight in panel layout. Plain pointers: the owner is above.
///
/// Integers: W[o, i] = scale[o, i / group] * (q[o, i] - zero[o, i / group]).
struct PackedWeight {
  WeightType type = WeightType::f32;
  size_t n = 0;                 ///< outputs
  size_t k = 0;                 ///< inputs; integers in one group: below 2^16, so that an i32 holds every sum
  const void* data = nullptr;   ///< packed_bytes(type, n, k), 64-byte aligned
  const float* bias = nullptr;  ///< [panels * 64] (zero padded) or null

  // Integers only.
  size_t group = 0;   ///< inputs that share a scale: a multiple of 32, or >= k
  size_t groups = 0;  ///< group_count(k, group)
  ScaleType scale_type = ScaleType::f32;
  const void* scale = nullptr;    ///< [panels][groups][64]
  const uint8_t* zero = nullptr;  ///< [panels][groups][64]; null: 2^(bits - 1) everywhere
};

constexpr size_t group_count(size_t k, size_t group) { return group >= k ? 1 : (k + group - 1) / group; }

/// dst[r, o] = sum_i src[r, i] * W[o, i] + bias[o] (+ dst[r, o] when accumulate), for the outputs of panels
/// [panel_begin, panel_end): the caller splits panels over threads. All accumulation is f32.
///
/// Integer weights: each row of src is quantised symmetrically to int8, group by group as QuantizeRowsArgs
/// says, and the products of a group are summed exactly in i32:
/// dst = sum_g (sum_{i in g} (q - zero) * a) * (row_scale[g] * scale[g]) + bias. Exact kernels (see
/// LinearUse) multiply the numbers that the integers stand for with src as it is. The result depends neither
/// on the thread split nor on n_rows.
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

enum class SourceType : uint8_t { f32, bf16, f16 };

/// Fills panels [panel_begin, panel_end) of a packed f32 or bf16 weight from rows of a checkpoint.
///
/// rows[o] points at the k inputs of output o, at any byte address, so that a weight may be put together from
/// several tensors (query | key | value, gate | up). To bf16: round to nearest even. Padding is written as
/// zeros.
struct PackArgs {
  const void* const* rows = nullptr;  ///< [n]
  SourceType source = SourceType::f32;
  WeightType type = WeightType::f32;
  size_t n = 0;
  size_t k = 0;
  void* data = nullptr;  ///< packed_bytes(type, n, k)
  size_t panel_begin = 0, panel_end = 0;
};

/// Fills one panel of an integer weight. Padding is written as zero bits.
struct PackIntegersArgs {
  const uint8_t* values = nullptr;  ///< [rows, k], q in [0, 2^bits)
  size_t rows = 0;                  ///< outputs of this panel: 64, fewer in the last
  size_t k = 0;
  WeightType type = WeightType::i8;
  void* data = nullptr;  ///< panel_bytes(type, k)
};

}  // namespace transom::kernels
