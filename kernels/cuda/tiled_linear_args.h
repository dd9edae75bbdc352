// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/common/tile_layout.h"

namespace transom::kernels::cuda {

/// What a product of few rows does with its results beside storing them: normed[r] = rms_norm(dst[r]), as
/// RmsNormArgs says, bit by bit what launch_rms_norm makes of dst.
struct FollowingNorm {
  const float* weight = nullptr;  ///< [n]; null: nothing follows
  float epsilon = 0;
  float weight_offset = 0;
  float* normed = nullptr;  ///< [n_rows, n]
  size_t normed_stride = 0;
  unsigned* arrivals = nullptr;  ///< a counter, zero before the first launch and after each
};

/// dst[r, o] = sum_i src[r, i] * W[o, i] + bias[o] (+ dst[r, o] when accumulate), as LinearArgs; pointers to
/// device memory.
///
/// gated: the weight stacks gate over up, n / 2 outputs each, a multiple of 16, and
/// dst[r, o] = silu(gate[r, o]) * up[r, o] (+ dst[r, o]) with silu(x) = x / (1 + exp(-x)); dst has n / 2
/// columns.
///
/// What is accumulated in f32 is sums of a group, q - zero times an activation, before its scale multiplies
/// them. Activations are rounded once. Of integer weights: to f16 after a power of two per row brought its
/// largest value to [2^14, 2^15), so that values down to 2^-29 of that keep 11 bits. Of bf16 weights: to
/// bf16. A row that holds a NaN or an infinity gives NaN everywhere (bf16 weights: as the sums come out).
struct TiledLinearArgs {
  const float* src = nullptr;  ///< [n_rows, k]
  size_t src_stride = 0;       ///< elements between rows
  /// [k]: input i of the weight is column input_order[i] of src (act-order); null: column i.
  const int32_t* input_order = nullptr;
  TiledWeight weight;
  float* dst = nullptr;  ///< [n_rows, n]; may not overlap src
  size_t dst_stride = 0;
  size_t n_rows = 0;
  bool accumulate = false;
  bool gated = false;
  FollowingNorm norm;  ///< where takes_norm() says so
};

/// Where blocks that share outputs leave their sums. A launch that splits the inputs uses it; launches of one
/// stream may share it.
struct SplitScratch {
  float* sums = nullptr;         ///< as many floats as the launcher's *_sums() says
  unsigned* arrivals = nullptr;  ///< strip_count(n) counters, zero before the first launch and after each
};

/// What a launch moves and computes at the least: the denominators of a bench.
struct LinearCost {
  double bytes = 0;       ///< weights and what belongs to them, activations, results
  double operations = 0;  ///< two for each product
};

inline LinearCost linear_cost(const TiledWeight& w, size_t n_rows) {
  const double n = static_cast<double>(w.n), k = static_cast<double>(w.k), rows = static_cast<double>(n_rows);
  LinearCost cost;
  cost.bytes = n * k * static_cast<double>(weight_bits(w.type)) / 8 + rows * (n + k) * sizeof(float);
  if (is_integer(w.type)) {
    const size_t of_group = scale_size(w.scale_type) + (w.zero != nullptr ? 1 : 0);
    cost.bytes += n * static_cast<double>(w.groups * of_group);
  }
  if (w.bias != nullptr) cost.bytes += n * sizeof(float);
  cost.operations = 2 * n * k * rows;
  return cost;
}

}  // namespace transom::kernels::cuda
