// SPDX-License-Identifier: Apache-2.0
/// object.name and object[key]. Either finds what the other would; a dot asks for methods first, brackets for
/// keys. Methods that change a list or dict are refused, as in jinja2's immutable sandbox.
#pragma once

#include <string_view>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace transom::text::jinja {

/// @return Undefined when there is no such member. @throws FormatError when the object itself is undefined.
Value attribute_of(Runtime& runtime, const Value& object, std::string_view name);
Value item_of(Runtime& runtime, const Value& object, const Value& key);

/// A method of str, list, tuple or dict.
using Method = Value (*)(Runtime& runtime, const Value& self, const Arguments& arguments);
/// @return Null when there is no such method or it is refused.
/// @throws UnsupportedError for a method that Python has and this version lacks.
Method find_method(Runtime& runtime, const Value& object, std::string_view name);

Method find_string_method(std::string_view name);
Method find_string_predicate(std::string_view name);

}  // namespace transom::text::jinja
