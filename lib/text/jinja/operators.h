// SPDX-License-Identifier: Apache-2.0
/// Python's operators on values. What Python answers with a TypeError is a FormatError here.
#pragma once

#include <string_view>
#include <vector>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace transom::text::jinja {

bool truth(const Value& value);
bool equals(Runtime& runtime, const Value& a, const Value& b);
/// a < b.
bool less(Runtime& runtime, const Value& a, const Value& b);
/// @param operation == != < <= > >= in, or "not in"
bool compare(Runtime& runtime, std::string_view operation, const Value& a, const Value& b);
/// item in container.
bool contains(Runtime& runtime, const Value& container, const Value& item);
/// @param symbol + - * / // % or **
Value arithmetic(Runtime& runtime, std::string_view symbol, const Value& a, const Value& b);
/// @param sign '-' or '+'
Value apply_sign(Runtime& runtime, char sign, const Value& value);

/// len().
std::int64_t length_of(Runtime& runtime, const Value& value);
/// object[start:stop:step]; absent bounds are null.
Value slice(Runtime& runtime, const Value& object, const Value* start, const Value* stop, const Value* step);

/// items[key] = value, in the way of a Python dict.
void put_item(Runtime& runtime, std::vector<Dict::Item>& items, Value key, Value value);

/// Walks over what Python can iterate; keeps it alive.
class Iteration {
 public:
  /// @throws FormatError when the value cannot be iterated.
  Iteration(Runtime& runtime, Value value);
  bool next(Value& out);

 private:
  Runtime& runtime_;
  Value value_;
  std::size_t at_ = 0;
};

std::vector<Value> items_of(Runtime& runtime, const Value& value);
/// Whether iter() takes it.
bool is_iterable(const Value& value);

}  // namespace transom::text::jinja
