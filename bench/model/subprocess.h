// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "bench/roofline.h"

namespace transom::bench {

/// Measures the ceilings in a process of its own, so that the buffers of the probe count neither in this
/// process's memory nor in its page tables: this program, or for a GPU transom-bench-cuda beside it, with
/// --roofline-raw.
Roofline measure_roofline_apart(const std::string& device, std::size_t threads);
/// Of a CPU measure_read_bandwidth, of a GPU the bandwidth of its copies.
double measure_bandwidth_apart(const std::string& device, std::size_t threads);

/// Prints a roofline as measure_roofline_apart reads it.
void print_raw(const Roofline& roofline);

}  // namespace transom::bench
