// SPDX-License-Identifier: Apache-2.0
/// A small JSON schema validator for the tests: it looks at values, where the library builds grammars, and
/// shares nothing with it.
#pragma once

#include <algorithm>
#include <cmath>
#include <regex>
#include <string>

#include "io/json.h"
#include "text/utf8.h"

namespace transom::testing {

class SchemaValidator {
 public:
  explicit SchemaValidator(const io::Json& root) : root_(root) {}

  /// @return Empty when the value is valid, else what is wrong.
  std::string check(const io::Json& value) const { return check(root_, value); }

 private:
  using Json = io::Json;

  std::string check(const Json& schema, const Json& value) const {
    if (schema.is_bool()) return schema.as_bool("") ? "" : "false";
    if (schema.find("nullable") != nullptr && value.is_null()) return "";
    for (const auto& [key, word] : schema.as_object("")) {
      std::string wrong = check_general(key, word, value);
      if (wrong.empty() && value.is_number()) wrong = check_number(key, word, value.as_double(""));
      if (wrong.empty() && value.is_string()) wrong = check_string(key, word, value.as_string(""));
      if (wrong.empty() && value.is_array()) wrong = check_array(schema, key, word, value);
      if (wrong.empty() && value.is_object()) wrong = check_object(schema, key, word, value);
      if (!wrong.empty()) return key + " (" + wrong + ")";
    }
    return "";
  }

  std::string check_general(const std::string& key, const Json& word, const Json& value) const {
    if (key == "type") return is_type(word, value) ? "" : "wrong type";
    if (key == "const") return same(word, value) ? "" : "differs";
    if (key == "enum") {
      return std::any_of(word.as_array("").begin(), word.as_array("").end(),
                         [&](const Json& one) { return same(one, value); })
                 ? ""
                 : "none of them";
    }
    if (key == "$ref") return check(follow(word.as_string("")), value);
    if (key == "allOf" || key == "anyOf" || key == "oneOf") {
      const auto& all = word.as_array("");
      const auto good = static_cast<std::size_t>(
          std::count_if(all.begin(), all.end(), [&](const Json& one) { return check(one, value).empty(); }));
      const bool fits = key == "allOf" ? good == all.size() : key == "anyOf" ? good > 0 : good == 1;
      return fits ? "" : std::to_string(good) + " hold";
    }
    return "";
  }

  static std::string check_number(const std::string& key, const Json& word, double value) {
    const auto says = [&](const char* name, auto compare) {
      return key == name && !compare(value, word.as_double("")) ? std::string(name) : std::string();
    };
    std::string wrong = says("minimum", std::greater_equal<>());
    if (wrong.empty()) wrong = says("maximum", std::less_equal<>());
    if (wrong.empty()) wrong = says("exclusiveMinimum", std::greater<>());
    if (wrong.empty()) wrong = says("exclusiveMaximum", std::less<>());
    if (wrong.empty() && key == "multipleOf") {
      const double quotient = value / word.as_double("");
      if (std::abs(quotient - std::round(quotient)) > 1e-6 * std::max(1.0, std::abs(quotient)))
        wrong = "no multiple";
    }
    return wrong;
  }

  static std::string check_string(const std::string& key, const Json& word, const std::string& value) {
    std::int64_t length = 0;
    for (const char* p = value.data(); p != value.data() + value.size(); ++length) text::next_code_point(p);
    if (key == "minLength" && length < word.as_int("")) return "too short";
    if (key == "maxLength" && length > word.as_int("")) return "too long";
    if (key == "pattern" && !std::regex_search(value, std::regex(word.as_string(""))))
      return "\"" + value + "\"";
    if (key == "format" && !is_format(word.as_string(""), value)) return "\"" + value + "\"";
    return "";
  }

  std::string check_array(const Json& schema, const std::string& key, const Json& word,
                          const Json& value) const {
    const auto& elements = value.as_array("");
    const auto size = static_cast<std::int64_t>(elements.size());
    if (key == "minItems" && size < word.as_int("")) return "too few";
    if (key == "maxItems" && size > word.as_int("")) return "too many";
    if (key != "items" && key != "prefixItems") return "";
    const Json* prefix = schema.find("prefixItems");
    const std::size_t first = key == "items" && prefix != nullptr ? prefix->as_array("").size() : 0;
    for (std::size_t i = first; i < elements.size(); ++i) {
      if (key == "prefixItems" && i >= word.as_array("").size()) break;
      const Json& one = key == "items" ? word : word.as_array("")[i];
      if (std::string wrong = check(one, elements[i]); !wrong.empty()) return wrong;
    }
    return "";
  }

  std::string check_object(const Json& schema, const std::string& key, const Json& word,
                           const Json& value) const {
    const auto& members = value.as_object("");
    const auto size = static_cast<std::int64_t>(members.size());
    if (key == "minProperties" && size < word.as_int("")) return "too few";
    if (key == "maxProperties" && size > word.as_int("")) return "too many";
    if (key == "required") {
      for (const Json& name : word.as_array("")) {
        if (value.find(name.as_string("")) == nullptr) return "without " + name.as_string("");
      }
    }
    for (const auto& [name, member] : members) {
      const Json* of_name =
          schema.find("properties") == nullptr ? nullptr : schema.find("properties")->find(name);
      const Json* patterns = schema.find("patternProperties");
      const bool by_pattern =
          patterns != nullptr && std::regex_search(name, std::regex(patterns->as_object("")[0].first));
      const Json* rule = nullptr;
      if (key == "properties") rule = of_name;
      if (key == "patternProperties" && by_pattern) rule = &word.as_object("")[0].second;
      if (key == "additionalProperties" && of_name == nullptr && !by_pattern) rule = &word;
      if (rule == nullptr) continue;
      if (std::string wrong = check(*rule, member); !wrong.empty()) return name + ": " + wrong;
    }
    return "";
  }

  static bool is_type(const Json& word, const Json& value) {
    if (word.is_array()) {
      return std::any_of(word.as_array("").begin(), word.as_array("").end(),
                         [&](const Json& one) { return is_type(one, value); });
    }
    const std::string& name = word.as_string("");
    if (name == "null") return value.is_null();
    if (name == "boolean") return value.is_bool();
    if (name == "string") return value.is_string();
    if (name == "array") return value.is_array();
    if (name == "object") return value.is_object();
    if (name == "number") return value.is_number();
    return name == "integer" && value.is_number() && std::trunc(value.as_double("")) == value.as_double("");
  }

  static bool is_format(const std::string& name, const std::string& value) {
    const auto fits = [&](const char* expression) { return std::regex_match(value, std::regex(expression)); };
    if (name == "date") return fits("\\d{4}-[01]\\d-[0-3]\\d");
    if (name == "time") return fits("[0-2]\\d:[0-5]\\d:[0-5]\\d(\\.\\d+)?(Z|[+-][0-2]\\d:[0-5]\\d)");
    if (name == "date-time")
      return fits("\\d{4}-[01]\\d-[0-3]\\dT[0-2]\\d:[0-5]\\d:[0-5]\\d(\\.\\d+)?(Z|[+-][0-2]\\d:[0-5]\\d)");
    if (name == "duration")
      return fits("P(?!$)(\\d+W|(\\d+Y)?(\\d+M)?(\\d+D)?(T(?!$)(\\d+H)?(\\d+M)?(\\d+S)?)?)");
    if (name == "uuid") return fits("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}");
    if (name == "email") return fits("[^@ ]+@[A-Za-z0-9.-]+");
    if (name == "hostname") return fits("[A-Za-z0-9.-]+");
    if (name == "ipv4") return fits("(\\d{1,3}\\.){3}\\d{1,3}");
    if (name == "ipv6") return fits("[0-9a-fA-F:]+") && value.find(':') != value.npos;
    return name == "uri" && fits("[a-zA-Z][a-zA-Z0-9+.-]*:[^ \"<>\\\\^`{|}]*");
  }

  static bool same(const Json& a, const Json& b) {
    if (a.is_number() && b.is_number()) return a.as_double("") == b.as_double("");
    if (a.kind() != b.kind()) return false;
    if (a.is_bool()) return a.as_bool("") == b.as_bool("");
    if (a.is_string()) return a.as_string("") == b.as_string("");
    if (a.is_array()) {
      return std::equal(a.as_array("").begin(), a.as_array("").end(), b.as_array("").begin(),
                        b.as_array("").end(), same);
    }
    if (!a.is_object()) return true;
    return a.as_object("").size() == b.as_object("").size() &&
           std::all_of(a.as_object("").begin(), a.as_object("").end(), [&](const Json::Member& member) {
             const Json* other = b.find(member.first);
             return other != nullptr && same(member.second, *other);
           });
  }

  const Json& follow(const std::string& reference) const {
    const Json* at = &root_;
    for (std::size_t begin = reference.find('/'); begin != std::string::npos;) {
      const std::size_t end = reference.find('/', begin + 1);
      at = &at->at(reference.substr(begin + 1, end == std::string::npos ? end : end - begin - 1), reference);
      begin = end;
    }
    return *at;
  }

  const Json& root_;
};

}  // namespace transom::testing
