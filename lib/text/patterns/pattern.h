// SPDX-License-Identifier: Apache-2.0
/// Something that finds matches in a text: a regular expression, a literal, or a class of characters.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/json_path.h"

namespace transom::text {

/// A range of bytes [begin, end) of a text.
struct Match {
  std::size_t begin;
  std::size_t end;
  friend bool operator==(const Match&, const Match&) = default;
};

/// Immutable; safe from any thread.
class Pattern {
 public:
  virtual ~Pattern() = default;

  /// Appends all matches in order: leftmost, not overlapping; an empty match directly behind another match is
  /// left out. The text is valid UTF-8.
  virtual void find_all(std::string_view text, std::vector<Match>& out) const = 0;
};

/// A regular expression in Oniguruma's Ruby syntax. Where a hand-written scanner exists for exactly this
/// expression it is used instead.
/// @throws FormatError with Oniguruma's message when the expression is wrong.
std::unique_ptr<Pattern> make_regex(const std::string& expression, const JsonPath& path);

/// The same without the hand-written scanners, for the tests that compare the two.
std::unique_ptr<Pattern> make_oniguruma_regex(const std::string& expression, const JsonPath& path);

/// A literal text. An empty literal matches between all characters, as the empty expression does.
std::unique_ptr<Pattern> make_literal(const std::string& literal, const JsonPath& path);

/// Every single character for which the predicate holds.
std::unique_ptr<Pattern> make_char_pattern(std::function<bool(char32_t)> predicate);

/// Reads {"Regex": "..."} or {"String": "..."}.
std::unique_ptr<Pattern> load_pattern(const io::Json& json, const JsonPath& path);

}  // namespace transom::text
