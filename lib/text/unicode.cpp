// SPDX-License-Identifier: Apache-2.0
#include "text/unicode.h"

#include <oniguruma.h>

#include <string_view>
#include <vector>

#include "text/patterns/oniguruma_init.h"

namespace transom::text {

namespace {

constexpr char32_t kCodePoints = 0x110000;

void add_range(std::vector<std::uint8_t>& table, char32_t first, char32_t last, unsigned classes) {
  for (char32_t c = first; c <= last && c < kCodePoints; ++c) {
    table[c] = static_cast<std::uint8_t>(table[c] | classes);
  }
}

/// Adds the characters of a property, given by its name in an expression (\p{...}).
void add_property(std::vector<std::uint8_t>& table, std::string_view name, unsigned classes) {
  const auto ranges = property_ranges(name);
  if (!ranges) return;
  for (const auto& [first, last] : *ranges) add_range(table, first, last, classes);
}

std::vector<std::uint8_t> build_table() {
  std::vector<std::uint8_t> table(kCodePoints);
  add_property(table, "L", kLetter);
  add_property(table, "M", kMark);
  add_property(table, "N", kNumber);
  add_property(table, "P", kPunctuation);
  add_property(table, "S", kSymbol);
  add_property(table, "White_Space", kSpace);
  for (const std::string_view name : {"Alphabetic", "M", "Nd", "Pc", "Join_Control"}) {
    add_property(table, name, kWord);
  }
  return table;
}

}  // namespace

std::optional<std::vector<std::pair<char32_t, char32_t>>> property_ranges(std::string_view name) {
  initialize_oniguruma();
  OnigEncoding const utf8 = ONIG_ENCODING_UTF8;
  auto* const begin = reinterpret_cast<OnigUChar*>(const_cast<char*>(name.data()));
  const int property = utf8->property_name_to_ctype(utf8, begin, begin + name.size());
  if (property < 0) return std::nullopt;
  const OnigCodePoint* found = nullptr;  // their number, then first and last of each
  OnigCodePoint single_byte_end = 0;
  if (utf8->get_ctype_code_range(static_cast<OnigCtype>(property), &single_byte_end, &found) < 0) {
    return std::nullopt;
  }
  std::vector<std::pair<char32_t, char32_t>> ranges;
  for (OnigCodePoint i = 0; i < found[0]; ++i) ranges.emplace_back(found[2 * i + 1], found[2 * i + 2]);
  return ranges;
}

const std::uint8_t* char_classes() {
  static const std::vector<std::uint8_t> table = build_table();
  return table.data();
}

}  // namespace transom::text
