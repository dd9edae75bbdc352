// SPDX-License-Identifier: Apache-2.0
/// JSON as Transom reads it: an immutable tree whose every getter knows where it stands, so that a wrong file
/// gives "tokenizer.json: model.merges[3]: expected string, found number" and not a crash.
///
/// Accepts what Python's json module writes: NaN and Infinity (read as null) and integers beyond 64 bits
/// (read as doubles). Members keep their order in the file. Duplicate keys are a FormatError. Parsing is
/// nlohmann/json's; this is the only room that includes it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace transom::io {

struct JsonLimits {
  std::size_t max_depth = 64;
  std::size_t max_bytes = std::size_t{1} << 30;
  /// Values in the tree. About 100 bytes each: a three-byte "[]," must not take memory without bound.
  std::size_t max_values = std::size_t{8} << 20;
};

class Json {
 public:
  enum class Kind { null, boolean, integer, number, string, array, object };
  using Member = std::pair<std::string, Json>;

  /// Parses UTF-8 text. @param where names the source in messages (a file name).
  /// @throws FormatError with `where` and the byte position.
  static Json parse(std::string_view text, std::string where, const JsonLimits& limits = {});
  /// Reads and parses a file. @throws NotFound when it is not there, FormatError when it is no JSON.
  static Json parse_file(const std::filesystem::path& path, const JsonLimits& limits = {});

  Json() = default;

  Kind kind() const { return kind_; }
  bool is_null() const { return kind_ == Kind::null; }
  bool is_bool() const { return kind_ == Kind::boolean; }
  bool is_integer() const { return kind_ == Kind::integer; }
  bool is_number() const { return kind_ == Kind::integer || kind_ == Kind::number; }
  bool is_string() const { return kind_ == Kind::string; }
  bool is_array() const { return kind_ == Kind::array; }
  bool is_object() const { return kind_ == Kind::object; }

  /// Checked reads. `path` says where this value stands ("tokenizer.json: model.type") and is only used in
  /// the message.
  /// @throws FormatError "<path>: expected <kind>, found <kind>".
  bool as_bool(std::string_view path) const;
  std::int64_t as_int(std::string_view path) const;  ///< an integer, or a number without fraction in range
  double as_double(std::string_view path) const;     ///< integer or number
  const std::string& as_string(std::string_view path) const;
  const std::vector<Json>& as_array(std::string_view path) const;
  const std::vector<Member>& as_object(std::string_view path) const;

  /// The member of an object, or nullptr when it is absent or this is no object. Linear search: for big
  /// objects iterate as_object() instead.
  const Json* find(std::string_view key) const;
  /// As find, but null counts as absent too.
  const Json* find_value(std::string_view key) const;
  /// @throws FormatError "<path>: missing member \"key\"".
  const Json& at(std::string_view key, std::string_view path) const;

  static std::string_view kind_name(Kind kind);

 private:
  friend class JsonBuilder;
  Kind kind_ = Kind::null;
  bool boolean_ = false;
  std::int64_t integer_ = 0;
  double number_ = 0;
  std::string string_;
  std::vector<Json> array_;
  std::vector<Member> object_;
};

}  // namespace transom::io
