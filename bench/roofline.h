// SPDX-License-Identifier: Apache-2.0
/// What this machine can do at most, measured: what a bench holds its figures against.
#pragma once

#include <algorithm>
#include <cstddef>

namespace transom::bench {

struct Roofline {
  std::size_t threads = 0;
  double read_bytes_per_s = 0;      ///< streaming reads of a buffer far beyond the caches
  double f32_flop_per_s = 0;        ///< f32 fused multiply-add, widest vectors
  double bf16_flop_per_s = 0;       ///< vdpbf16ps; 0 where the processor does not report it
  double int8_op_per_s = 0;         ///< vpdpbusd; 0 where the processor does not report it
  double tile_bf16_flop_per_s = 0;  ///< tdpbf16ps of AMX tiles; 0 where there are none
  double tile_int8_op_per_s = 0;    ///< tdpbsud of AMX tiles; 0 where there are none

  /// Of the fastest unit for these products; 0 where there is none.
  double best_bf16_flop_per_s() const { return std::max(bf16_flop_per_s, tile_bf16_flop_per_s); }
  double best_int8_op_per_s() const { return std::max(int8_op_per_s, tile_int8_op_per_s); }
};

/// Measures what the set of instructions in use has (TRANSOM_CPU_ISA), with `threads` threads, for about two
/// seconds. Each figure is the best of several runs.
Roofline measure_roofline(std::size_t threads);

/// Streaming reads as Roofline::read_bytes_per_s, but the median of several passes, to be compared with
/// medians that were measured beside it. Takes half a second.
double measure_read_bandwidth(std::size_t threads);

}  // namespace transom::bench
