// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bench/roofline.h"

namespace transom::bench {

/// Prints a line for each kernel that a 7B model spends its time in, with the share of the copy bandwidth or
/// of the bf16 peak that it reaches. @param multiprocessors Of the current GPU.
void print_gpu_kernels(const Roofline& roofline, unsigned multiprocessors);

}  // namespace transom::bench
