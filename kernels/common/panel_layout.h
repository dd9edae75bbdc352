// SPDX-License-Identifier: Apache-2.0
/// The one layout of prepared weights, shared by every kernel.
///
/// A weight W [n, k] (row = output) is cut into panels of 64 outputs. Inside a panel the input index advances
/// slowest, in groups that fill 32 bits, so that one broadcast of a group of inputs multiplies 16 outputs a
/// vector:
///
///   f32   [n/64][k   ][64]      oneDNN BA16a64b
///   bf16  [n/64][k/2 ][64][2]   oneDNN BA16a64b2a
///   i8    [n/64][k/4 ][64][4]   oneDNN BA16a64b4a
///
/// n is padded to 64 and k to a 64-byte block of 16 groups, both with zeros. One panel is one linear stream:
/// decode reads each byte once, prefill reuses a panel for every row, and oneDNN takes the same memory as it
/// is, so a weight is resident once.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace transom::kernels {

enum class WeightType : uint8_t { f32, bf16, i8 };

inline constexpr size_t kPanelColumns = 64;

/// Inputs that share 32 bits.
constexpr size_t group_size(WeightType type) {
  return type == WeightType::f32 ? 1 : type == WeightType::bf16 ? 2 : 4;
}
constexpr size_t weight_size(WeightType type) { return 4 / group_size(type); }
constexpr size_t padded_k(WeightType type, size_t k) {
  const size_t block = 16 * group_size(type);
  return (k + block - 1) / block * block;
}
constexpr size_t panel_count(size_t n) { return (n + kPanelColumns - 1) / kPanelColumns; }
constexpr size_t panel_bytes(WeightType type, size_t k) {
  return padded_k(type, k) * kPanelColumns * weight_size(type);
}
constexpr size_t packed_bytes(WeightType type, size_t n, size_t k) {
  return panel_count(n) * panel_bytes(type, k);
}
/// Element index (not byte) of W[row, col] in the packed array.
constexpr size_t packed_index(WeightType type, size_t k, size_t row, size_t col) {
  const size_t group = group_size(type);
  return (row / kPanelColumns) * padded_k(type, k) * kPanelColumns + (col / group) * kPanelColumns * group +
         (row % kPanelColumns) * group + col % group;
}

}  // namespace transom::kernels
