// SPDX-License-Identifier: Apache-2.0
/// Python's two ways to format text: "%s" % value, and "{}".format(value).
#pragma once

#include <string_view>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace transom::text::jinja {

/// @param values A tuple for several, a dict for names, or one value.
Value percent_format(Runtime& runtime, std::string_view format, const Value& values);
Value brace_format(Runtime& runtime, std::string_view format, const Arguments& arguments);

/// How one value is written: the part of both languages that is the same.
struct FormatSpec {
  char align = '\0';  ///< '<', '>', '^', '=' or the type's own
  std::string fill = " ";
  char sign = '-';  ///< '+', '-' or ' '
  bool alternate = false;
  char grouping = '\0';  ///< ',' or '_'
  std::int64_t width = 0;
  std::int64_t precision = -1;
  char type = '\0';
};
/// Integers: b o x X d; floats: e E f F g G %.
std::string format_number(Runtime& runtime, const Value& value, const FormatSpec& spec);
std::string pad(Runtime& runtime, std::string text, const FormatSpec& spec, char own_align);

}  // namespace transom::text::jinja
