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

namespace {

/// The elements of an array or object between their brackets.
template <typename Elements, typename Write>
std::string bracketed(char open, char close, const Elements& elements, int level, const Write& write) {
  if (elements.empty()) return {open, close};
  std::string text(1, open);
  const std::string indent(static_cast<std::size_t>(2 * (level + 1)), ' ');
  for (const auto& element : elements) text += (text.size() > 1 ? ",\n" : "\n") + indent + write(element);
  return text + '\n' + indent.substr(2) + close;
}

}  // namespace

std::string json_text(const Json& json, int level) {
  switch (json.kind()) {
    case Json::Kind::boolean:
      return json.as_bool("") ? "true" : "false";
    case Json::Kind::integer:
      return std::to_string(json.as_int(""));
    case Json::Kind::number:
      return json_number(json.as_double(""));
    case Json::Kind::string:
      return json_string(json.as_string(""));
    case Json::Kind::array:
      return bracketed('[', ']', json.as_array(""), level,
                       [&](const Json& element) { return json_text(element, level + 1); });
    case Json::Kind::object:
      return bracketed('{', '}', json.as_object(""), level, [&](const Json::Member& member) {
        return json_string(member.first) + ": " + json_text(member.second, level + 1);
      });
    default:
      return "null";
  }
}

}  // namespace transom::io
