// SPDX-License-Identifier: Apache-2.0
/// Regular expressions, which a text must match from its beginning to its end.
///
/// Syntax is that of ECMA-262 with the u flag, which is also what JSON schemas use: alternatives, groups
/// (plain, named, non-capturing: all the same here), classes, `.` (no line end), \d \w \s \D \W \S (\d and \w
/// are ASCII), \p{..} \P{..} (general categories, scripts and binary properties), \xHH \uHHHH \u{H..} \cX \n
/// \r \t \f \v \0, and the quantifiers * + ? {m} {m,} {m,n}. A lazy quantifier matches the same texts as a
/// greedy one. ^ and $ are allowed where they say nothing new: at the ends of a whole alternative. Refused by
/// name: lookaround, backreferences, word boundaries, inline flags, possessive and atomic groups.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "generation/constraint/grammar.h"

namespace transom::generation {

/// @throws FormatError or UnsupportedError with the position, counted in bytes.
Grammar parse_regex(std::string_view source);

/// One alternative of an expression, for a search instead of a full match.
struct RegexAlternative {
  NodeId node;
  bool from_start;  ///< begins with ^
  bool to_end;      ///< ends with $
};

/// Adds the nodes of an expression to a grammar.
/// @param characters Makes the node of a set of characters; a JSON string spells some of them as escapes.
std::vector<RegexAlternative> parse_regex_into(Grammar& grammar, std::string_view source,
                                               const std::function<NodeId(const CharSet&)>& characters);

/// The set of a property by name, "Lu" or "Script=Greek". @return Empty when there is none.
CharSet property_set(std::string_view name);

}  // namespace transom::generation
