// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bench/model/measure.h"

namespace transom::bench {

/// What each kernel of a step moves and computes at the least, and how long that takes on some GPUs by their data
/// sheets: for reading a prompt, and for decoding at each depth of the options. Needs no GPU.
void print_gpu_estimate(const Options& options);

}  // namespace transom::bench
