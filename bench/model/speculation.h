// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "bench/model/measure.h"

namespace transom::bench {

struct SpeculationBench {
  int guess = 10;        // tokens guessed at a time, at most
  int new_tokens = 256;  // of each text
};

/// How many guesses of prompt lookup are right, and what that gains, for a greedy text that repeats itself.
/// Writes options.json_file where it is set.
/// @return Whether the text is the same.
bool print_speculation(const Options& options, const SpeculationBench& settings, const std::string& command);

}  // namespace transom::bench
