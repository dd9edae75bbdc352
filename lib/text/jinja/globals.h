// SPDX-License-Identifier: Apache-2.0
/// The functions that every template may call: range, dict, namespace, joiner, cycler, raise_exception and
/// strftime_now.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace transom::text::jinja {

std::optional<Value> make_global(Runtime& runtime, std::string_view name);
Value call_value(Runtime& runtime, const Value& callee, const Arguments& arguments);
/// {% set target.attribute = value %}
void assign_namespace(Runtime& runtime, const Value& target, const std::string& attribute,
                      const Value& value);

/// datetime.strftime in the C locale, for a time without zone.
std::string format_time(const std::tm& time, std::string_view format);

}  // namespace transom::text::jinja
