// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <cmath>
#include <cstdio>

#include "text/jinja/percent_format.h"
#include "text/jinja/printing.h"
#include "text/jinja/strings.h"

namespace transom::text::jinja {

using core::message;

namespace {

std::string integer_digits(std::int64_t value, const FormatSpec& spec) {
  const int base = spec.type == 'b' ? 2 : spec.type == 'o' ? 8 : (spec.type | 0x20) == 'x' ? 16 : 10;
  const std::uint64_t magnitude =
      value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  char buffer[72];
  std::string digits(buffer, std::to_chars(buffer, buffer + sizeof buffer, magnitude, base).ptr);
  if (static_cast<std::int64_t>(digits.size()) < spec.precision) {
    digits.insert(0, static_cast<std::size_t>(spec.precision) - digits.size(), '0');
  }
  if (spec.type == 'X') {
    for (char& c : digits) c = c >= 'a' ? static_cast<char>(c - 32) : c;
  }
  return digits;
}

std::string real_digits(double magnitude, const FormatSpec& spec) {
  if (spec.type == '\0') {
    if (spec.precision < 0) return real_repr(magnitude);
  }
  const int precision = static_cast<int>(spec.precision < 0 ? 6 : spec.precision);
  const char type = spec.type == '%' ? 'f' : spec.type == '\0' ? 'g' : spec.type;
  const double shown = spec.type == '%' ? magnitude * 100 : magnitude;
  const char format[] = {'%',
                         spec.alternate ? '#' : '.',
                         spec.alternate ? '.' : '*',
                         spec.alternate ? '*' : type,
                         spec.alternate ? type : '\0',
                         '\0'};
  const int size = std::snprintf(nullptr, 0, format, precision, shown);
  std::string out(static_cast<std::size_t>(size) + 1, '\0');
  std::snprintf(out.data(), out.size(), format, precision, shown);
  out.pop_back();
  if (spec.type == '%') out += '%';
  return out;
}

void group_digits(std::string& digits, char separator) {
  std::size_t end = 0;
  while (end < digits.size() && digits[end] >= '0' && digits[end] <= '9') ++end;
  for (std::size_t i = end; i > 3; i -= 3) digits.insert(i - 3, 1, separator);
}

}  // namespace

std::string format_number(Runtime& runtime, const Value& value, const FormatSpec& spec) {
  if (spec.precision > 1000) runtime.fail("a number is formatted with at most 1000 digits");
  const auto whole = value.as_integer();
  const bool as_real = !whole || std::string_view("eEfFgG%").find(spec.type) != std::string_view::npos;
  std::string digits;
  bool negative = false;
  std::string prefix;
  if (as_real && spec.type != 'd' && spec.type != 'x' && spec.type != 'X' && spec.type != 'o' &&
      spec.type != 'b') {
    const double real = value.as_real().value_or(0);
    negative = std::signbit(real) && !std::isnan(real);
    digits = real_digits(std::abs(real), spec);
  } else {
    if (!whole)
      runtime.fail(message("the format \"", std::string_view(&spec.type, 1), "\" expects an integer"));
    negative = *whole < 0;
    digits = integer_digits(*whole, spec);
    if (spec.alternate && spec.type != 'd' && spec.type != '\0') prefix = {'0', spec.type};
  }
  if (spec.grouping != '\0') group_digits(digits, spec.grouping);
  const std::string sign = negative ? "-" : spec.sign == '-' ? "" : std::string(1, spec.sign);
  if (spec.align != '=') return pad(runtime, sign + prefix + digits, spec, '>');
  FormatSpec inner = spec;
  inner.align = '>';
  inner.width = spec.width - static_cast<std::int64_t>(sign.size() + prefix.size());
  return sign + prefix + pad(runtime, std::move(digits), inner, '>');
}

std::string pad(Runtime& runtime, std::string text, const FormatSpec& spec, char own_align) {
  const std::int64_t missing = spec.width - static_cast<std::int64_t>(text_length(text));
  if (missing <= 0) return text;
  runtime.charge(static_cast<std::size_t>(missing) * spec.fill.size());
  const char align = spec.align == '\0' ? own_align : spec.align;
  const std::int64_t before = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
  std::string out;
  for (std::int64_t i = 0; i < before; ++i) out += spec.fill;
  out += text;
  for (std::int64_t i = before; i < missing; ++i) out += spec.fill;
  return out;
}

}  // namespace transom::text::jinja
