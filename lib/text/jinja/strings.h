// SPDX-License-Identifier: Apache-2.0
/// Text as Python's str treats it: by code points, with Unicode's white space and letter cases. All texts are
/// valid UTF-8.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace transom::text::jinja {

/// str.isspace, which is also `\s`: White_Space and the four separators U+001C to U+001F.
bool is_python_space(char32_t c);

std::string_view strip_left(std::string_view text);
std::string_view strip_right(std::string_view text);
inline std::string_view strip(std::string_view text) { return strip_left(strip_right(text)); }
/// The same for a set of characters.
std::string_view strip_left(std::string_view text, std::string_view characters);
std::string_view strip_right(std::string_view text, std::string_view characters);

/// @return The beginning of a text, for messages.
std::string_view clipped(std::string_view text);

/// @return Number of code points.
std::size_t text_length(std::string_view text);
/// @return Where the code point with this index begins; the end when there are fewer.
std::size_t byte_of(std::string_view text, std::size_t index);
/// One string for each code point.
std::vector<std::string> characters_of(std::string_view text);

std::string upper(std::string_view text);
std::string lower(std::string_view text);
/// First character in title case, the others lower.
std::string capitalize(std::string_view text);
/// str.title: every run of letters capitalised.
std::string title(std::string_view text);
std::string swap_case(std::string_view text);

/// Whether all characters satisfy the predicate, and there is one.
bool all_of(std::string_view text, bool (*predicate)(char32_t));
bool is_cased_letter(char32_t c);
bool is_upper(char32_t c);
bool is_lower(char32_t c);
bool is_alphabetic(char32_t c);
bool is_decimal(char32_t c);
bool is_numeric(char32_t c);
/// Whether repr() writes the character as it is.
bool is_printable(char32_t c);

/// As std::string_view::find, in linear time.
std::size_t find_text(std::string_view text, std::string_view wanted, std::size_t from = 0);
/// Python's str.splitlines.
std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends = false);

}  // namespace transom::text::jinja
