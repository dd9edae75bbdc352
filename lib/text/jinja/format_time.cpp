// SPDX-License-Identifier: Apache-2.0
#include <iomanip>
#include <locale>
#include <sstream>

#include "text/jinja/globals.h"

namespace transom::text::jinja {

namespace {

/// One directive such as "%d".
std::string directive(const std::tm& time, char letter) {
  if (letter == '%') return "%";
  if (letter == 'f') return "000000";
  static constexpr std::string_view kKnown = "aAbBcCdDeFgGhHIjmMnpPrRStTuUVwWxXyY";
  if (letter == 'z' || letter == 'Z') return {};
  if (kKnown.find(letter) == kKnown.npos) return std::string("%") + letter;
  if (letter == 'P') {
    std::string half = directive(time, 'p');
    for (char& c : half) c = static_cast<char>(c | 0x20);
    return half;
  }
  std::ostringstream out;
  out.imbue(std::locale::classic());
  const char format[] = {'%', letter, '\0'};
  out << std::put_time(&time, format);
  return out.str();
}

}  // namespace

std::string format_time(const std::tm& time, std::string_view format) {
  std::string out;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 == format.size()) {
      out += format[i];
      continue;
    }
    char letter = format[++i];
    const bool unpadded = letter == '-' && i + 1 < format.size();
    if (unpadded) letter = format[++i];
    std::string text = directive(time, letter);
    if (unpadded) text.erase(0, std::min(text.find_first_not_of("0 "), text.empty() ? 0 : text.size() - 1));
    out += text;
  }
  return out;
}

}  // namespace transom::text::jinja
