// SPDX-License-Identifier: Apache-2.0
/// The character classes that tokenizer patterns speak of, as one table lookup. Properties come from
/// Oniguruma's tables (Unicode 14).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace transom::text {

/// Bits of a character's entry in the class table.
enum CharClass : std::uint8_t {
  kLetter = 1 << 0,       ///< \p{L}
  kMark = 1 << 1,         ///< \p{M}
  kNumber = 1 << 2,       ///< \p{N}
  kPunctuation = 1 << 3,  ///< \p{P}
  kSymbol = 1 << 4,       ///< \p{S}
  kSpace = 1 << 5,        ///< the White_Space property: \s
  kWord = 1 << 6,         ///< Alphabetic, M, Nd, Pc or Join_Control: \w (Unicode TR 18, annex C)
};

/// One entry for each code point up to U+10FFFF; built at first use (1.1 MB, some milliseconds).
const std::uint8_t* char_classes();

inline bool has_class(char32_t code_point, unsigned classes) {
  return code_point <= 0x10FFFF && (char_classes()[code_point] & classes) != 0;
}

inline bool is_space(char32_t c) { return has_class(c, kSpace); }
inline bool is_number(char32_t c) { return has_class(c, kNumber); }
inline bool is_word(char32_t c) { return has_class(c, kWord); }
inline bool is_mark(char32_t c) { return has_class(c, kMark); }
/// ASCII punctuation (which includes symbols such as `$`) or \p{P}.
inline bool is_punctuation(char32_t c) {
  const bool ascii = (c >= 0x21 && c <= 0x2F) || (c >= 0x3A && c <= 0x40) || (c >= 0x5B && c <= 0x60) ||
                     (c >= 0x7B && c <= 0x7E);
  return ascii || has_class(c, kPunctuation);
}

/// The characters of a property by its name in an expression (\p{...}: "Lu", "Greek", "White_Space"), as
/// first and last code points, ascending. @return Nothing when no property has that name.
std::optional<std::vector<std::pair<char32_t, char32_t>>> property_ranges(std::string_view name);

}  // namespace transom::text
