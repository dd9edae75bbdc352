// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <ostream>

#include "transom/dtype.h"

namespace transom::core {

/// A tensor somebody else owns: pointer, dtype, extents and strides in elements. A value: it never allocates,
/// resizes or converts, and is passed by value. The last dimension is contiguous.
struct TensorView {
  static constexpr int kMaxRank = 4;

  void* data = nullptr;
  DType dtype = DType::f32;
  int rank = 0;
  std::array<std::int64_t, kMaxRank> extent{};
  std::array<std::int64_t, kMaxRank> stride{};

  /// A dense row-major tensor.
  static TensorView dense(void* data, DType dtype, std::initializer_list<std::int64_t> extents) {
    TensorView view{data, dtype, static_cast<int>(extents.size()), {}, {}};
    int i = 0;
    for (const std::int64_t n : extents) view.extent[static_cast<std::size_t>(i++)] = n;
    std::int64_t step = 1;
    for (i = view.rank - 1; i >= 0; --i) {
      view.stride[static_cast<std::size_t>(i)] = step;
      step *= view.extent[static_cast<std::size_t>(i)];
    }
    return view;
  }

  std::int64_t rows() const { return extent[0]; }
  std::int64_t columns() const { return extent[static_cast<std::size_t>(rank - 1)]; }
  float* f32() const { return static_cast<float*>(data); }

  /// Columns [begin, begin + count) of a matrix.
  TensorView column_slice(std::int64_t begin, std::int64_t count) const {
    TensorView view = *this;
    view.data = static_cast<std::byte*>(data) + begin * static_cast<std::int64_t>(dtype_size(dtype));
    view.extent[1] = count;
    return view;
  }
  /// Rows [begin, begin + count).
  TensorView row_slice(std::int64_t begin, std::int64_t count) const {
    TensorView view = *this;
    view.data =
        static_cast<std::byte*>(data) + begin * stride[0] * static_cast<std::int64_t>(dtype_size(dtype));
    view.extent[0] = count;
    return view;
  }
  /// A matrix [tokens, heads * dim] seen as [tokens, heads, dim].
  TensorView split_heads(std::int64_t heads) const {
    const std::int64_t dim = heads == 0 ? 0 : extent[1] / heads;
    return {data, dtype, 3, {extent[0], heads, dim, 0}, {stride[0], dim, 1, 0}};
  }

  /// "F32 [512, 4096]"
  friend std::ostream& operator<<(std::ostream& out, const TensorView& view) {
    out << dtype_name(view.dtype) << " [";
    for (int i = 0; i < view.rank; ++i)
      out << (i == 0 ? "" : ", ") << view.extent[static_cast<std::size_t>(i)];
    return out << "]";
  }
};

}  // namespace transom::core
