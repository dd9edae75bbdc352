// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace transom::generation {

/// A regular expression whose matches are all of the format of that name in JSON schemas; it need not match
/// everything that is (29 February is left out). Empty for an unknown name.
std::string_view format_expression(std::string_view format);

}  // namespace transom::generation
