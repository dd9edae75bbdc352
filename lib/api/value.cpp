// SPDX-License-Identifier: Apache-2.0
#include "transom/value.h"

#include <cmath>
#include <limits>

#include "core/checks.h"
#include "io/json_write.h"
#include "model/config/config_reader.h"
#include "transom/error.h"

namespace transom {

using core::message;

namespace {

[[noreturn]] void fail(const Value& value, std::string_view expected) {
  const std::string key = value.key().empty() ? "a configuration value" : value.key();
  throw InvalidArgument(message(key, ": expected ", expected, ", found ", model::shown(value)));
}

}  // namespace

std::string_view Value::kind_name() const noexcept {
  switch (data_.index()) {
    case 0:
      return "null";
    case 1:
      return "a boolean";
    case 2:
      return "an integer";
    case 3:
      return "a number";
    case 4:
      return "a string";
    case 5:
      return "a list";
    default:
      return "a map";
  }
}

Value Value::named(std::string key) const {
  Value copy = *this;
  copy.key_ = std::move(key);
  return copy;
}

std::string Value::to_json() const {
  switch (data_.index()) {
    case 0:
      return "null";
    case 1:
      return std::get<bool>(data_) ? "true" : "false";
    case 2:
      return std::to_string(std::get<std::int64_t>(data_));
    case 3:
      return io::json_number(std::get<double>(data_));
    case 4:
      return io::json_string(std::get<std::string>(data_));
    case 5: {
      std::string text = "[";
      for (const Value& item : std::get<List>(data_)) text += (text.size() == 1 ? "" : ", ") + item.to_json();
      return text + "]";
    }
    default: {
      std::string text = "{";
      for (const auto& [name, item] : std::get<Map>(data_)) {
        text += (text.size() == 1 ? "" : ", ") + io::json_string(name) + ": " + item.to_json();
      }
      return text + "}";
    }
  }
}

template <>
bool Value::as<bool>() const {
  if (!is_bool()) fail(*this, "true or false");
  return std::get<bool>(data_);
}

template <>
std::int64_t Value::as<std::int64_t>() const {
  if (is_integer()) return std::get<std::int64_t>(data_);
  constexpr double kLimit = 9007199254740992.0;  // 2^53: beyond it a double no longer names one integer
  const double* number = std::get_if<double>(&data_);
  if (number == nullptr || std::trunc(*number) != *number || std::abs(*number) > kLimit)
    fail(*this, "an integer");
  return static_cast<std::int64_t>(*number);
}

template <>
int Value::as<int>() const {
  const auto value = as<std::int64_t>();
  if (value < std::numeric_limits<int>::min() || value > std::numeric_limits<int>::max()) {
    fail(*this, "an integer of 32 bits");
  }
  return static_cast<int>(value);
}

template <>
double Value::as<double>() const {
  if (is_integer()) return static_cast<double>(std::get<std::int64_t>(data_));
  if (!is_number()) fail(*this, "a number");
  return std::get<double>(data_);
}

template <>
float Value::as<float>() const {
  return static_cast<float>(as<double>());
}

template <>
std::string Value::as<std::string>() const {
  if (!is_string()) fail(*this, "a string");
  return std::get<std::string>(data_);
}

template <>
Value::List Value::as<Value::List>() const {
  if (!is_list()) fail(*this, "a list");
  return std::get<List>(data_);
}

template <>
Value::Map Value::as<Value::Map>() const {
  if (!is_map()) fail(*this, "a map");
  return std::get<Map>(data_);
}

}  // namespace transom
