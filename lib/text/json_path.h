// SPDX-License-Identifier: Apache-2.0
/// Where a value stands in a JSON file, for messages: "tokenizer.json: model.merges[3]"; and optional
/// members.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/checks.h"
#include "io/json.h"
#include "transom/error.h"

namespace transom::text {

/// A parsed file and its name for messages.
struct NamedJson {
  const io::Json* json = nullptr;  ///< null when there is no such file
  std::string where;
};

class JsonPath {
 public:
  /// The root of a file.
  explicit JsonPath(std::string where) : text_(std::move(where)) {}

  JsonPath member(std::string_view key) const {
    return JsonPath(text_ + (is_root_ ? ": " : ".") + std::string(key), false);
  }
  JsonPath element(std::size_t index) const {
    return JsonPath(text_ + (is_root_ ? ": [" : "[") + std::to_string(index) + "]", false);
  }
  const std::string& str() const { return text_; }
  operator std::string_view() const { return text_; }

  [[noreturn]] void fail(std::string_view problem) const {
    throw FormatError(core::message(text_, ": ", problem));
  }
  [[noreturn]] void unsupported(std::string_view problem) const {
    throw UnsupportedError(core::message(text_, ": ", problem));
  }

 private:
  JsonPath(std::string text, bool is_root) : text_(std::move(text)), is_root_(is_root) {}

  std::string text_;
  bool is_root_ = true;
};

/// A boolean member; absent and null give the fallback.
inline bool bool_member(const io::Json& object, std::string_view key, bool fallback, const JsonPath& path) {
  const io::Json* value = object.find_value(key);
  return value == nullptr ? fallback : value->as_bool(path.member(key));
}

/// A string member; absent and null give the fallback.
inline std::string string_member(const io::Json& object, std::string_view key, std::string_view fallback,
                                 const JsonPath& path) {
  const io::Json* value = object.find_value(key);
  return value == nullptr ? std::string(fallback) : value->as_string(path.member(key));
}

/// A member that must be there and be a string.
inline const std::string& required_string(const io::Json& object, std::string_view key,
                                          const JsonPath& path) {
  return object.at(key, path).as_string(path.member(key));
}

}  // namespace transom::text
