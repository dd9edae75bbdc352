// SPDX-License-Identifier: Apache-2.0
/// jinja2's tests: `x is defined`, `x is divisibleby 3`.
#pragma once

#include <string_view>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace transom::text::jinja {

using Test = bool (*)(Runtime& runtime, const Value& input, const Arguments& arguments);

/// @return Null when there is no such test.
Test find_test(std::string_view name);

}  // namespace transom::text::jinja
