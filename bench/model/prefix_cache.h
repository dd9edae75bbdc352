// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "bench/model/measure.h"

namespace transom::bench {

struct PrefixCacheBench {
  std::int64_t common = 4096;  // tokens that both prompts begin with
  std::int64_t own = 32;       // tokens of their own
};

/// How much sooner a prompt has its first token whose beginning was read before. Prints both times, their
/// ratio and whether the text is the same. Writes options.json_file where it is set.
/// @return Whether the text is the same.
bool print_prefix_cache(const Options& options, const PrefixCacheBench& settings, const std::string& command);

}  // namespace transom::bench
