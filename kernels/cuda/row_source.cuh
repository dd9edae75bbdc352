// SPDX-License-Identifier: Apache-2.0
// Activations in the order that a weight wants its inputs.
#pragma once

#include "kernels/cuda/ptx.cuh"
#include "kernels/cuda/tiled_linear_args.h"

namespace transom::kernels::cuda {

/// Inputs [first, end) of rows; zero past the end.
template <bool kOrdered>
struct RowSource {
  const TiledLinearArgs& args;
  unsigned first, end;

  /// Loads whatever `input` is, so that several loads can be under way.
  __device__ __forceinline__ float at(size_t row, unsigned input) const {
    unsigned column = min(first + input, end - 1);
    if constexpr (kOrdered) column = static_cast<unsigned>(load_global(args.input_order + column));
    const float value = load_global(args.src + row * args.src_stride + column);
    return first + input < end ? value : 0.0f;
  }
};

}  // namespace transom::kernels::cuda
