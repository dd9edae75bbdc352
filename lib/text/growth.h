// SPDX-License-Identifier: Apache-2.0
/// A bound on how much the steps of a tokenizer may lengthen a text, so that a hostile file (a hundred
/// replacements of "a" by "aa") is refused before it takes the machine's memory.
#pragma once

#include <cstddef>

#include "core/checks.h"
#include "transom/error.h"

namespace transom::text {

/// NFKD lengthens a text at most 11 times, the byte alphabet 2 times, a Metaspace 3 times.
inline constexpr std::size_t kMaxGrowth = 32;
inline constexpr std::size_t kGrowthAllowance = std::size_t{1} << 20;  // bytes, for short texts

/// @throws UnsupportedError
inline void check_growth(std::size_t original_bytes, std::size_t bytes) {
  if (bytes <= kGrowthAllowance || bytes / kMaxGrowth <= original_bytes) return;
  throw UnsupportedError(
      core::message("the tokenizer's normalizers, pre-tokenizers or decoders lengthen a text of ",
                    original_bytes, " bytes to more than ", bytes, " bytes"));
}

}  // namespace transom::text
