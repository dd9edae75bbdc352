// SPDX-License-Identifier: Apache-2.0
/// Typed, range-checked reads of a Config. Absent, null and set are three states: an absent key takes its
/// family's default, null means "none".
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>

#include "transom/config.h"

namespace transom::model {

/// A value for messages: its JSON, but with NaN, Infinity and -Infinity, of which JSON makes null.
std::string shown(const Value& value);
/// Words for messages: "a", "b".
std::string quoted(std::span<const std::string_view> words);

class ConfigReader {
 public:
  explicit ConfigReader(const Config& config) : config_(config) {}

  const Config& config() const { return config_; }
  bool absent(std::string_view key) const { return !config_.contains(key); }
  /// Set, and not to null.
  bool has(std::string_view key) const { return config_.contains(key) && !config_.get(key).is_null(); }

  // Reads of a key; the default serves when it is absent or null.
  // @throws FormatError "<source>: <key>: expected ..., found ...".
  std::int64_t integer(std::string_view key, std::int64_t fallback, std::int64_t min, std::int64_t max) const;
  std::int64_t required_integer(std::string_view key, std::int64_t min, std::int64_t max) const;
  double number(std::string_view key, double fallback, double min, double max) const;
  bool boolean(std::string_view key, bool fallback) const;
  std::string text(std::string_view key, std::string_view fallback) const;

  /// The same of a value that has been read; place: what messages call it.
  std::int64_t integer_of(std::string_view place, const Value& value, std::int64_t min,
                          std::int64_t max) const;

  [[noreturn]] void fail(std::string_view key, const std::string& problem) const;
  [[noreturn]] void unsupported(std::string_view key, const std::string& problem) const;

 private:
  const Config& config_;
};

}  // namespace transom::model
