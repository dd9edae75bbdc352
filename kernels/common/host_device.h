// SPDX-License-Identifier: Apache-2.0
/// Functions that kernels of every device call: nothing to a C++ compiler, for both sides to nvcc.
#pragma once

#if defined(__CUDACC__)
#define TRANSOM_HOST_DEVICE __host__ __device__
#else
#define TRANSOM_HOST_DEVICE
#endif
