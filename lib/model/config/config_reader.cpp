// SPDX-License-Identifier: Apache-2.0
#include "model/config/config_reader.h"

#include <cmath>

#include "core/checks.h"
#include "transom/error.h"

namespace transom::model {

using core::message;

namespace {

std::string place(const Config& config, std::string_view key) {
  return config.source().empty() ? std::string(key) : message(config.source(), ": ", key);
}

}  // namespace

std::string shown(const Value& value) {
  std::string text;
  if (value.is_list()) {
    for (const Value& item : value.as<Value::List>()) text += (text.empty() ? "" : ", ") + shown(item);
    return message("[", text, "]");
  }
  if (value.is_map()) {
    for (const auto& [name, item] : value.as<Value::Map>())
      text += message(text.empty() ? "" : ", ", Value(name).to_json(), ": ", shown(item));
    return message("{", text, "}");
  }
  const double number = value.is_number() ? value.as<double>() : 0;
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
  return value.to_json();
}

std::string quoted(std::span<const std::string_view> words) {
  std::string list;
  for (const std::string_view word : words) list += message(list.empty() ? "\"" : ", \"", word, "\"");
  return list;
}

void ConfigReader::fail(std::string_view key, const std::string& problem) const {
  throw FormatError(message(place(config_, key), ": ", problem));
}

void ConfigReader::unsupported(std::string_view key, const std::string& problem) const {
  throw UnsupportedError(message(place(config_, key), ": ", problem));
}

std::int64_t ConfigReader::integer(std::string_view key, std::int64_t fallback, std::int64_t min,
                                   std::int64_t max) const {
  return has(key) ? required_integer(key, min, max) : fallback;
}

std::int64_t ConfigReader::required_integer(std::string_view key, std::int64_t min, std::int64_t max) const {
  if (!has(key)) fail(key, message("expected an integer, found ", absent(key) ? "no such key" : "null"));
  return integer_of(key, config_.get(key), min, max);
}

std::int64_t ConfigReader::integer_of(std::string_view place, const Value& value, std::int64_t min,
                                      std::int64_t max) const {
  std::int64_t number = 0;
  try {
    number = value.as<std::int64_t>();
  } catch (const InvalidArgument&) {
    fail(place, message("expected an integer, found ", shown(value)));
  }
  if (number < min || number > max) {
    fail(place, message("expected an integer from ", min, " to ", max, ", found ", number));
  }
  return number;
}

double ConfigReader::number(std::string_view key, double fallback, double min, double max) const {
  if (!has(key)) return fallback;
  const Value value = config_.get(key);
  if (!value.is_number()) fail(key, message("expected a number, found ", shown(value)));
  const double number = value.as<double>();
  if (!(number >= min && number <= max)) {
    fail(key, message("expected a number from ", min, " to ", max, ", found ", shown(value)));
  }
  return number;
}

bool ConfigReader::boolean(std::string_view key, bool fallback) const {
  if (!has(key)) return fallback;
  const Value value = config_.get(key);
  if (!value.is_bool()) fail(key, message("expected true or false, found ", shown(value)));
  return value.as<bool>();
}

std::string ConfigReader::text(std::string_view key, std::string_view fallback) const {
  if (!has(key)) return std::string(fallback);
  const Value value = config_.get(key);
  if (!value.is_string()) fail(key, message("expected a string, found ", shown(value)));
  return value.as<std::string>();
}

}  // namespace transom::model
