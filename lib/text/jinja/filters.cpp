// SPDX-License-Identifier: Apache-2.0
#include "text/jinja/filters.h"

#include <algorithm>

#include "text/jinja/members.h"
#include "text/jinja/operators.h"
#include "text/jinja/printing.h"

namespace transom::text::jinja {

using core::message;

AttributePath::AttributePath(Runtime& runtime, const Value* attribute) {
  if (attribute == nullptr || attribute->is_none()) return;
  if (!attribute->is_string()) {
    parts_.push_back(*attribute);
    return;
  }
  const std::string& path = attribute->string();
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('.', begin), path.size());
    const std::string part = path.substr(begin, end - begin);
    const bool is_index = !part.empty() && part.size() < 18 &&
                          std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
    runtime.charge(sizeof(Value));
    if (is_index) {
      parts_.emplace_back(static_cast<std::int64_t>(std::stoll(part)));
    } else {
      parts_.push_back(runtime.string(part));
    }
    begin = end + 1;
  }
}

Value AttributePath::of(Runtime& runtime, Value item, const Value* fallback) const {
  for (const Value& part : parts_) {
    runtime.step();
    item = item_of(runtime, item, part);
    if (fallback != nullptr && !fallback->is_none() && item.is_undefined()) item = *fallback;
  }
  return item;
}

std::int64_t integer_or(Runtime& runtime, std::string_view what, const Value* value, std::int64_t fallback) {
  if (value == nullptr) return fallback;
  if (const auto whole = value->as_integer()) return *whole;
  if (value->is_undefined()) runtime.fail(value->problem());
  runtime.fail(message(what, " expects an integer, found ", value->type_name()));
}

std::string text_or(Runtime& runtime, const Value* value, std::string_view fallback) {
  if (value == nullptr) return std::string(fallback);
  std::string text = to_text(runtime, *value);
  runtime.charge(text.size());
  return text;
}

bool flag_or(const Value* value, bool fallback) { return value == nullptr ? fallback : truth(*value); }

Filter find_filter(std::string_view name) {
  for (const auto find :
       {find_text_filter, find_sequence_filter, find_select_filter, find_order_filter, find_number_filter}) {
    if (const Filter filter = find(name)) return filter;
  }
  return nullptr;
}

}  // namespace transom::text::jinja
