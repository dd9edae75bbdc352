// SPDX-License-Identifier: Apache-2.0
/// The escapes of a string literal, as Python's unicode-escape codec reads them.
#pragma once

#include <string>
#include <string_view>

namespace transom::text::jinja {

/// @param body What stands between the quotes; UTF-8.
/// @param problem Says what is wrong, when something is.
std::string unescape(std::string_view body, std::string& problem);

}  // namespace transom::text::jinja
