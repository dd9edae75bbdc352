// SPDX-License-Identifier: Apache-2.0
/// Text as numbers, as Python's int() and float() read it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace transom::text::jinja {

/// @param base 0 (by prefix) or 2 to 36. @return Nothing when the text is no integer.
/// @param overflow Set when it is one beyond 64 bits.
std::optional<std::int64_t> parse_integer(std::string_view text, int base, bool& overflow);
std::optional<double> parse_real(std::string_view text);

}  // namespace transom::text::jinja
