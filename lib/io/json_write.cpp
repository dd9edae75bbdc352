// SPDX-License-Identifier: Apache-2.0
#include "io/json_write.h"

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

namespace transom::io {

std::string json_string(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string json_number(double value) {
  if (!std::isfinite(value)) return "null";
  char buffer[64];
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, value);
  std::string text(buffer, result.ptr);
  if (text.find_first_of(".e") == text.npos) text += ".0";
  return text;
}

}  // namespace transom::io
