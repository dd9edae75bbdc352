// SPDX-License-Identifier: Apache-2.0
/// jinja2's filters, as far as chat templates use them; `tojson` as the Python library replaces it.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace transom::text::jinja {

using Filter = Value (*)(Runtime& runtime, const Value& input, const Arguments& arguments);

/// @return Null when there is no such filter.
Filter find_filter(std::string_view name);

/// The tables that find_filter looks into.
Filter find_text_filter(std::string_view name);
Filter find_sequence_filter(std::string_view name);
Filter find_select_filter(std::string_view name);
Filter find_order_filter(std::string_view name);
Filter find_number_filter(std::string_view name);

/// What `attribute="a.b.0"` or `attribute=0` takes from an item.
class AttributePath {
 public:
  /// @param attribute Null takes the item itself.
  AttributePath(Runtime& runtime, const Value* attribute);
  Value of(Runtime& runtime, Value item, const Value* fallback = nullptr) const;

 private:
  std::vector<Value> parts_;
};

/// An argument's value, with a default and a check of its type.
std::int64_t integer_or(Runtime& runtime, std::string_view what, const Value* value, std::int64_t fallback);
std::string text_or(Runtime& runtime, const Value* value, std::string_view fallback);
bool flag_or(const Value* value, bool fallback);

}  // namespace transom::text::jinja
