// SPDX-License-Identifier: Apache-2.0
/// Values as text: str(), repr() and JSON, each as Python writes it.
#pragma once

#include <string>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace transom::text::jinja {

/// str(): what {{ value }} prints.
std::string to_text(Runtime& runtime, const Value& value);
/// repr(): how a value looks inside a printed list.
std::string to_repr(Runtime& runtime, const Value& value);
/// repr() of a float: the shortest digits that read back.
std::string real_repr(double value);
/// repr() of a text.
std::string string_repr(std::string_view text);

/// json.dumps.
struct JsonStyle {
  bool ensure_ascii = false;
  bool sort_keys = false;
  std::optional<std::string> indent;  ///< one level of it
  std::string item_separator = ", ";
  std::string key_separator = ": ";
};
std::string to_json(Runtime& runtime, const Value& value, const JsonStyle& style);

}  // namespace transom::text::jinja
