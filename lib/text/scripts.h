// SPDX-License-Identifier: Apache-2.0
/// The Unicode script of a character.
#pragma once

#include <cstdint>

namespace transom::text {

/// A number for each script; which one is of no meaning. Characters that belong to none have kNoScript.
using Script = std::uint8_t;
inline constexpr Script kNoScript = 0;

/// The first call builds a table (1.1 MB, some milliseconds).
Script script_of(char32_t code_point);

}  // namespace transom::text
