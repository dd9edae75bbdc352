// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bench/roofline.h"

namespace transom::bench {

/// Measures the ceilings in a process of its own (this program, with --roofline-raw), so that the buffers of
/// the probe count neither in this process's memory nor in its page tables.
Roofline measure_roofline_apart(std::size_t threads);

/// Prints a roofline as measure_roofline_apart reads it.
void print_raw(const Roofline& roofline);

}  // namespace transom::bench
