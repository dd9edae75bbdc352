// SPDX-License-Identifier: Apache-2.0
/// Bounds that keep a hostile schema, expression or grammar from taking the machine. Beyond each is an
/// UnsupportedError that names it. Honest sources stay far below: a schema of 100 properties has about 3,000
/// states.
#pragma once

#include <cstddef>
#include <cstdint>

namespace transom::generation {

inline constexpr std::size_t kMaxSourceBytes = std::size_t{1} << 20;
inline constexpr std::uint32_t kMaxNesting = 200;  ///< of groups, arrays, objects in the source
inline constexpr std::size_t kMaxGrammarNodes = std::size_t{1} << 18;
inline constexpr std::size_t kMaxLiteralBytes = std::size_t{1} << 20;  ///< of all literals together
inline constexpr std::uint32_t kMaxRepetition = 1000000;
inline constexpr std::size_t kMaxStates = std::size_t{1} << 18;  ///< of the automaton, after expansion
/// Parts that the rules are built from, repetitions written out, of all rules together.
inline constexpr std::size_t kMaxBuildSteps = std::size_t{1} << 20;
/// Steps of making rules deterministic, of all rules together; beyond it the rest stays nondeterministic,
/// which is no error.
inline constexpr std::size_t kMaxSubsetSteps = std::size_t{1} << 21;
inline constexpr std::size_t kMaxPlainSteps = std::size_t{1} << 23;  ///< of those that stay as they are

inline constexpr std::size_t kMaxConfigurations = 512;  ///< ways to read one text at once
inline constexpr std::uint32_t kMaxStackDepth = 4096;   ///< rules open at once
inline constexpr std::size_t kMaxStackNodes = std::size_t{1} << 22;
inline constexpr std::size_t kMaxMaskSteps = std::size_t{1} << 20;  ///< configurations made for one mask
inline constexpr std::size_t kMaxMaskBytes = std::size_t{1} << 28;  ///< of kept masks; then they start anew

}  // namespace transom::generation
