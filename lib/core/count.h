// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace transom::core {

/// An extent, which is never negative, as the unsigned type that kernels and containers count in.
constexpr std::size_t count(std::int64_t n) { return static_cast<std::size_t>(n); }

}  // namespace transom::core
