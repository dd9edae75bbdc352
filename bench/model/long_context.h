// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/model/measure.h"

namespace transom::bench {

/// What reading a long prompt costs under one attention pattern.
struct ContextCurve {
  struct Point {
    std::int64_t tokens = 0;
    double seconds = 0;   // to read so many
    double cache_mb = 0;  // resident by then, KV cache and workspace
  };
  std::string pattern;
  std::vector<Point> points;
  /// The power of the number of tokens that the time grows with, over the last three points.
  double exponent() const;
};

struct LongContext {
  std::int64_t window = 2048;
  std::int64_t most = 131072;       // tokens
  std::string json_file, svg_file;  // empty = none
};

/// Reads prompts of 1024, 2048 ... tokens with full attention, a window and a log stride, one chunk at a
/// time, and prints time, memory and exponents.
void print_long_context(const Options& options, const LongContext& settings, const std::string& command);

}  // namespace transom::bench
