// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bench/roofline.h"

namespace transom::bench {

/// What the current GPU can do at most: bytes read and written by a large copy (as read_bytes_per_s), and
/// cuBLASLt's best products of 8192 x 8192 matrices of random numbers. Takes a second.
Roofline measure_gpu_roofline();

/// Only the copy.
double measure_gpu_bandwidth();

}  // namespace transom::bench
