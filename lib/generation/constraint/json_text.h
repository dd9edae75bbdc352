// SPDX-License-Identifier: Apache-2.0
/// Grammar nodes of JSON text.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "generation/constraint/grammar.h"
#include "io/json.h"

namespace transom::generation {

/// The JSON string of a text, quotes included, with the shortest escapes.
std::string json_string(std::string_view text);

/// A value as JSON without white space.
std::string json_of(const io::Json& value);

class JsonText {
 public:
  explicit JsonText(Grammar& grammar) : grammar_(grammar) {}

  NodeId comma();  ///< with an optional space
  NodeId colon();  ///< with an optional space
  /// Any character of a string: as it is, or as an escape.
  NodeId string_character();
  /// The characters of a set inside a string, each in its shortest spelling.
  NodeId characters(const CharSet& set);
  NodeId any_string();
  /// A string of `min` to `max` characters.
  NodeId string(std::uint32_t min, std::uint32_t max);
  NodeId string_matching(std::string_view pattern);
  /// A string none of whose spellings is one of the names.
  NodeId string_except(const std::vector<std::string>& names);
  /// @return Nothing for a format that is not known.
  std::optional<NodeId> string_of_format(std::string_view format);
  NodeId integer();
  NodeId number();
  NodeId any_value() { return any_value(0); }

 private:
  using Suffixes = std::vector<std::u32string_view>;

  NodeId any_value(std::uint32_t depth);
  NodeId any_container(std::uint32_t depth);
  NodeId name_except(const Suffixes& names, std::uint32_t depth);
  NodeId shared(std::optional<NodeId>& node, NodeId (JsonText::*make)());
  NodeId make_comma();
  NodeId make_colon();
  NodeId make_string_character();
  NodeId make_any_string();
  NodeId make_integer();
  NodeId make_number();

  Grammar& grammar_;
  std::optional<NodeId> comma_, colon_, string_character_, any_string_, integer_, number_;
  std::vector<RuleId> any_values_;  // by depth
};

}  // namespace transom::generation
