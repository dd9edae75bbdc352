// SPDX-License-Identifier: Apache-2.0
/// JSON output.
#pragma once

#include <string>
#include <string_view>

#include "io/json.h"

namespace transom::io {

/// @return The text in quotes, escaped; invalid UTF-8 becomes U+FFFD.
std::string json_string(std::string_view text);
/// @return The shortest text that reads back as the same double, with ".0" on whole numbers; null for what
/// JSON can not say (NaN, infinities).
std::string json_number(double value);
/// @return A whole tree, its members in their order, indented by two blanks a level from `level` on.
std::string json_text(const Json& json, int level = 0);

}  // namespace transom::io
