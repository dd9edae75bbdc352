// SPDX-License-Identifier: Apache-2.0
/// Numbers between bounds, as grammar nodes: digit by digit.
#pragma once

#include <cstdint>
#include <optional>

#include "generation/constraint/grammar.h"

namespace transom::generation {

struct Bound {
  long double value;  ///< holds every int64 and every double
  bool exclusive;
};

/// Integers from low to high, both included; nothing when low > high.
NodeId integers_between(Grammar& grammar, std::int64_t low, std::int64_t high);

/// Numbers with or without a fraction, without exponent. A missing bound means 16 digits before the point.
NodeId numbers_between(Grammar& grammar, std::optional<Bound> low, std::optional<Bound> high);

/// Numbers with at most `digits` (>= 1) digits behind the point.
NodeId numbers_of_precision(Grammar& grammar, std::uint32_t digits);

/// The widest range where a bound is missing.
inline constexpr std::int64_t kLargestInteger = 9'999'999'999'999'999;

}  // namespace transom::generation
