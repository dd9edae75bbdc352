// SPDX-License-Identifier: Apache-2.0
/// The scalar pieces of JSON output.
#pragma once

#include <string>
#include <string_view>

namespace transom::io {

/// @return The text in quotes, escaped; invalid UTF-8 becomes U+FFFD.
std::string json_string(std::string_view text);
/// @return The shortest text that reads back as the same double, with ".0" on whole numbers; null for what
/// JSON can not say (NaN, infinities).
std::string json_number(double value);

}  // namespace transom::io
