// SPDX-License-Identifier: Apache-2.0
/// A template is foreign code. These limits end it with a typed error before it takes the machine.
#pragma once

#include <cstddef>

namespace transom::text::jinja {

inline constexpr std::size_t kMaxTemplateBytes = std::size_t{1} << 20;
/// Names of variables, members, filters: comparing them is not counted as work.
inline constexpr std::size_t kMaxNameBytes = 256;
/// Brackets, operators and blocks within each other, as the parser meets them.
inline constexpr int kMaxParseDepth = 100;
/// Height of an expression's tree: `a + b + c` is three high although nothing is nested.
inline constexpr int kMaxTreeDepth = 400;
/// Expressions, blocks and macro calls within each other while rendering. About 1 KB of stack each.
inline constexpr int kMaxRenderDepth = 700;
/// Lists and dicts within each other.
inline constexpr std::size_t kMaxValueDepth = 100;
/// As the sandbox of the Python library has it.
inline constexpr std::size_t kMaxRange = 100'000;

struct RenderLimits {
  /// Expressions evaluated and items visited. Long conversations take some hundred thousand.
  std::size_t max_steps = std::size_t{20} << 20;
  /// Bytes of text and containers made along the way, freed or not.
  std::size_t max_bytes = std::size_t{512} << 20;
  std::size_t max_output_bytes = std::size_t{64} << 20;
};

}  // namespace transom::text::jinja
