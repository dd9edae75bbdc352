// SPDX-License-Identifier: Apache-2.0
/// What the kernel benches share: repetition, command line, output.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <thread>

#include "bench/roofline.h"
#include "bench/threads.h"

namespace transom::bench {

/// First argument: number of threads; default all.
inline std::size_t thread_count(int argc, char** argv) {
  const long wanted = argc > 1 ? std::strtol(argv[1], nullptr, 10) : 0;
  return wanted > 0 ? static_cast<std::size_t>(wanted) : std::max(1u, std::thread::hardware_concurrency());
}

/// Seconds of the fastest run: repeats for at least `least` seconds, 3 times at the fewest. The minimum,
/// since other work on the machine only ever adds.
inline double fastest(const std::function<double()>& run, double least = 0.15) {
  double best = run(), total = best;
  for (int i = 1; i < 3 || total < least; ++i) {
    const double seconds = run();
    best = std::min(best, seconds);
    total += seconds;
  }
  return best;
}

inline void print(const Roofline& r) {
  std::printf(
      "threads %zu: read %.1f GB/s, f32 %.0f GFLOP/s, bf16 %.0f GFLOP/s, int8 %.0f GOP/s, tiles: bf16 "
      "%.0f GFLOP/s, int8 %.0f GOP/s\n",
      r.threads, r.read_bytes_per_s * 1e-9, r.f32_flop_per_s * 1e-9, r.bf16_flop_per_s * 1e-9,
      r.int8_op_per_s * 1e-9, r.tile_bf16_flop_per_s * 1e-9, r.tile_int8_op_per_s * 1e-9);
}

}  // namespace transom::bench
