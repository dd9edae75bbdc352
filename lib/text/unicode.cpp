// SPDX-License-Identifier: Apache-2.0
#include "text/unicode.h"

#include <oniguruma.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "text/patterns/oniguruma_init.h"

namespace transom::text {

namespace {

constexpr char32_t kCodePoints = 0x110000;

void add_property(std::vector<std::uint8_t>& table, std::string_view name, unsigned classes) {
  for (const CodePointRange& range : ranges_of_property(name)) {
    for (char32_t c = range.first; c <= range.last; ++c) {
      table[c] = static_cast<std::uint8_t>(table[c] | classes);
    }
  }
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

std::vector<CodePointRange> ranges_of_property(std::string_view name) {
  initialize_oniguruma();
  OnigEncoding const utf8 = ONIG_ENCODING_UTF8;
  auto* const begin = reinterpret_cast<OnigUChar*>(const_cast<char*>(name.data()));
  const int property = utf8->property_name_to_ctype(utf8, begin, begin + name.size());
  if (property < 0) return {};
  const OnigCodePoint* ranges = nullptr;  // their number, then first and last of each
  OnigCodePoint single_byte_end = 0;
  if (utf8->get_ctype_code_range(static_cast<OnigCtype>(property), &single_byte_end, &ranges) < 0) return {};
  std::vector<CodePointRange> out;
  for (OnigCodePoint i = 0; i < ranges[0] && ranges[2 * i + 1] < kCodePoints; ++i) {
    out.push_back({ranges[2 * i + 1], std::min<char32_t>(ranges[2 * i + 2], kCodePoints - 1)});
  }
  return out;
}

const std::uint8_t* char_classes() {
  static const std::vector<std::uint8_t> table = build_table();
  return table.data();
}

}  // namespace transom::text
