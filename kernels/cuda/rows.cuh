// SPDX-License-Identifier: Apache-2.0
// What elementwise kernels share: rows of f32 read and written four numbers at a time where their addresses
// allow it, and grids with a thread for each item of each row.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels/cuda/ptx.cuh"

namespace transom::kernels::cuda {

/// Neighbouring numbers of a row, 1 or 4, as one access.
template <int kWidth>
struct Floats {
  float of[kWidth];
};

template <int kWidth>
__device__ __forceinline__ Floats<kWidth> load_floats(const float* from) {
  if constexpr (kWidth == 4) {
    const float4 four = load_global(reinterpret_cast<const float4*>(from));
    return {{four.x, four.y, four.z, four.w}};
  } else {
    return {{load_global(from)}};
  }
}

template <int kWidth>
__device__ __forceinline__ void store_floats(float* to, const Floats<kWidth>& value) {
  if constexpr (kWidth == 4) {
    store_global(reinterpret_cast<float4*>(to),
                 make_float4(value.of[0], value.of[1], value.of[2], value.of[3]));
  } else {
    store_global(to, value.of[0]);
  }
}

/// Whether each row of a matrix begins at a multiple of `bytes`. Strides in bytes.
inline bool rows_begin_at(size_t bytes, const void* first, size_t stride) {
  return reinterpret_cast<uintptr_t>(first) % bytes == 0 && stride % bytes == 0;
}
/// The same of rows of f32 for accesses of four; stride in elements.
inline bool rows_in_fours(const float* first, size_t stride) {
  return rows_begin_at(sizeof(float4), first, stride * sizeof(float));
}

/// Blocks of this many threads hide the latency of memory at any occupancy that their registers allow.
constexpr int kItemThreads = 256;

/// A thread for each of `items` of a row, and the rows.
inline dim3 item_grid(size_t rows, size_t items) {
  return dim3(static_cast<unsigned>(rows), static_cast<unsigned>((items + kItemThreads - 1) / kItemThreads));
}
__device__ __forceinline__ size_t item_of_row() { return size_t{blockIdx.y} * kItemThreads + threadIdx.x; }

}  // namespace transom::kernels::cuda
