// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "transom/export.h"

namespace transom {

/// One configuration value: null, bool, integer, number, string, list or map. Built implicitly from what
/// people write, so that `config.update({{"attention_window", 2048}, {"quantization", "int8"}})` works. A
/// value type; distinct objects may be used from distinct threads.
class TRANSOM_API Value {
 public:
  using List = std::vector<Value>;
  using Map = std::map<std::string, Value>;

  Value() = default;
  Value(std::nullptr_t) {}
  Value(bool value) : data_(value) {}
  template <std::integral T>
  requires(!std::same_as<T, bool> && !std::same_as<T, char>) Value(T value)
      : data_(static_cast<std::int64_t>(value)) {
    // What 63 bits can not hold is kept as a number, so that it is refused where an integer is expected.
    if (std::cmp_greater(value, INT64_MAX)) data_ = static_cast<double>(value);
  }
  template <std::floating_point T>
  Value(T value) : data_(static_cast<double>(value)) {}
  Value(const char* value) {
    if (value != nullptr) data_ = std::string(value);
  }
  Value(std::string_view value) : data_(std::string(value)) {}
  Value(std::string value) : data_(std::move(value)) {}
  Value(List value) : data_(std::move(value)) {}
  Value(Map value) : data_(std::move(value)) {}

  bool is_null() const noexcept { return data_.index() == 0; }
  bool is_bool() const noexcept { return data_.index() == 1; }
  bool is_integer() const noexcept { return data_.index() == 2; }
  /// True for integers too.
  bool is_number() const noexcept { return data_.index() == 2 || data_.index() == 3; }
  bool is_string() const noexcept { return data_.index() == 4; }
  bool is_list() const noexcept { return data_.index() == 5; }
  bool is_map() const noexcept { return data_.index() == 6; }

  /// @tparam T bool, int, int64_t, float, double, std::string, Value::List or Value::Map. An integer is also
  ///   a number; a number without fraction is also an integer.
  /// @throws InvalidArgument naming the key that this value was read from, what was asked for and what it is.
  template <typename T>
  T as() const;

  /// "null", "a boolean", "an integer", "a number", "a string", "a list" or "a map".
  std::string_view kind_name() const noexcept;
  /// JSON text on one line.
  std::string to_json() const;
  /// The configuration key that this value was read from; empty for a value made by hand.
  const std::string& key() const noexcept { return key_; }
  /// For Config: remembers the key for messages.
  Value named(std::string key) const;

  friend bool operator==(const Value& a, const Value& b) { return a.data_ == b.data_; }

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Map> data_;
  std::string key_;
};

template <>
TRANSOM_API bool Value::as<bool>() const;
template <>
TRANSOM_API int Value::as<int>() const;
template <>
TRANSOM_API std::int64_t Value::as<std::int64_t>() const;
template <>
TRANSOM_API float Value::as<float>() const;
template <>
TRANSOM_API double Value::as<double>() const;
template <>
TRANSOM_API std::string Value::as<std::string>() const;
template <>
TRANSOM_API Value::List Value::as<Value::List>() const;
template <>
TRANSOM_API Value::Map Value::as<Value::Map>() const;

}  // namespace transom
