// SPDX-License-Identifier: Apache-2.0
/// Stands in for the toolkit's header of this name where kernels run on the host: the types and words of
/// device code, and the part of the runtime that launchers and a backend call.
#pragma once

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(bytes) __attribute__((aligned(bytes)))

#define TRANSOM_VECTOR_TYPE(name, type, alignment2, alignment4)               \
  struct alignas(alignment2) name##2 {                                        \
    type x, y;                                                                \
  };                                                                          \
  struct name##3 {                                                            \
    type x, y, z;                                                             \
  };                                                                          \
  struct alignas(alignment4) name##4 {                                        \
    type x, y, z, w;                                                          \
  };                                                                          \
  inline name##2 make_##name##2(type x, type y) { return {x, y}; }            \
  inline name##3 make_##name##3(type x, type y, type z) { return {x, y, z}; } \
  inline name##4 make_##name##4(type x, type y, type z, type w) { return {x, y, z, w}; }

TRANSOM_VECTOR_TYPE(char, signed char, 2, 4)
TRANSOM_VECTOR_TYPE(uchar, unsigned char, 2, 4)
TRANSOM_VECTOR_TYPE(short, short, 4, 8)
TRANSOM_VECTOR_TYPE(ushort, unsigned short, 4, 8)
TRANSOM_VECTOR_TYPE(int, int, 8, 16)
TRANSOM_VECTOR_TYPE(uint, unsigned, 8, 16)
TRANSOM_VECTOR_TYPE(longlong, long long, 16, 16)
TRANSOM_VECTOR_TYPE(ulonglong, unsigned long long, 16, 16)
TRANSOM_VECTOR_TYPE(float, float, 8, 16)
TRANSOM_VECTOR_TYPE(double, double, 16, 16)
#undef TRANSOM_VECTOR_TYPE

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

/// Of the fiber that runs.
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;

inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
template <class T>
constexpr T min(T a, T b) {
  return b < a ? b : a;
}
template <class T>
constexpr T max(T a, T b) {
  return a < b ? b : a;
}

#include "tests/cuda_on_host/runtime/runtime_api.h"
