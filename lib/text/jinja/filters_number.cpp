// SPDX-License-Identifier: Apache-2.0
/// int, float, abs, round, sum.
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "text/jinja/filters.h"
#include "text/jinja/lookup.h"
#include "text/jinja/numbers.h"
#include "text/jinja/operators.h"
#include "text/jinja/printing.h"

namespace transom::text::jinja {

using core::message;

namespace {

std::optional<std::int64_t> truncated(double value) {
  if (!(value >= -9223372036854775808.0 && value < 9223372036854775808.0)) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

Value int_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const auto [fallback, base] = bind<2>(runtime, "int", arguments, {"default", "base"}, 0);
  const Value otherwise = fallback != nullptr ? *fallback : Value(std::int64_t{0});
  if (input.is_undefined()) runtime.fail(input.problem());
  if (const auto whole = input.as_integer()) return Value(*whole);
  std::optional<double> real = input.as_real();
  if (input.is_string()) {
    runtime.step(input.string().size() / 16);
    bool overflow = false;
    const auto radix = static_cast<int>(integer_or(runtime, "int", base, 10));
    if (const auto whole = parse_integer(input.string(), radix, overflow)) return Value(*whole);
    if (overflow) runtime.fail("an integer leaves the range of 64 bits");
    real = parse_real(input.string());
  }
  if (!real || std::isnan(*real)) return otherwise;
  if (std::isinf(*real)) {
    if (input.is(Kind::real)) runtime.fail("infinity cannot become an integer");
    return otherwise;
  }
  if (const auto whole = truncated(*real)) return Value(*whole);
  runtime.fail("an integer leaves the range of 64 bits");
}

Value float_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const auto [fallback] = bind<1>(runtime, "float", arguments, {"default"}, 0);
  if (input.is_undefined()) runtime.fail(input.problem());
  std::optional<double> real = input.as_real();
  if (input.is_string()) {
    runtime.step(input.string().size() / 16);
    real = parse_real(input.string());
  }
  if (real) return Value(*real);
  return fallback != nullptr ? *fallback : Value(0.0);
}

Value abs_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  bind<0>(runtime, "abs", arguments, {}, 0);
  if (input.is(Kind::real)) return Value(std::abs(input.real()));
  const auto whole = input.as_integer();
  if (!whole) {
    if (input.is_undefined()) runtime.fail(input.problem());
    runtime.fail(message("abs expects a number, found ", input.type_name()));
  }
  return *whole < 0 ? apply_sign(runtime, '-', Value(*whole)) : Value(*whole);
}

/// Half to even on the exact value, which is what printing with so many digits does.
double round_decimals(double value, int digits) {
  char buffer[512];
  std::snprintf(buffer, sizeof buffer, "%.*f", digits, value);
  return std::strtod(buffer, nullptr);
}

Value round_whole(Runtime& runtime, std::int64_t value, std::int64_t precision) {
  if (precision >= 0) return Value(value);
  if (precision < -18) return Value(std::int64_t{0});
  std::int64_t unit = 1;
  for (std::int64_t i = precision; i < 0; ++i) unit *= 10;
  const std::int64_t rest = ((value % unit) + unit) % unit;
  std::int64_t down = 0;
  if (__builtin_sub_overflow(value, rest, &down)) runtime.fail("an integer leaves the range of 64 bits");
  const bool up = rest > unit - rest || (rest == unit - rest && (down / unit) % 2 != 0);
  if (up && __builtin_add_overflow(down, unit, &down)) runtime.fail("an integer leaves the range of 64 bits");
  return Value(down);
}

Value round_common(Runtime& runtime, const Value& input, std::int64_t precision) {
  if (const auto whole = input.as_integer()) return round_whole(runtime, *whole, precision);
  const double value = input.real();
  if (!std::isfinite(value) || precision > 323) return Value(value);
  if (precision < -308) return Value(std::copysign(0.0, value));
  if (precision >= 0) return Value(round_decimals(value, static_cast<int>(precision)));
  const double unit = std::pow(10.0, static_cast<double>(-precision));
  return Value(std::nearbyint(value / unit) * unit);
}

Value round_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const auto [digits, method] = bind<2>(runtime, "round", arguments, {"precision", "method"}, 0);
  const std::int64_t precision = integer_or(runtime, "round", digits, 0);
  const std::string how = text_or(runtime, method, "common");
  if (!input.as_real()) {
    if (input.is_undefined()) runtime.fail(input.problem());
    runtime.fail(message("round expects a number, found ", input.type_name()));
  }
  if (how == "common") return round_common(runtime, input, precision);
  if (how != "ceil" && how != "floor") runtime.fail("round expects the method common, ceil or floor");
  const Value unit = arithmetic(runtime, "**", Value(std::int64_t{10}), Value(precision));
  const double scaled = *arithmetic(runtime, "*", input, unit).as_real();
  if (!std::isfinite(scaled)) runtime.fail("round expects a finite number");
  return Value((how == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / *unit.as_real());
}

Value sum_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const auto [attribute, start] = bind<2>(runtime, "sum", arguments, {"attribute", "start"}, 0);
  const AttributePath path(runtime, attribute);
  Value total = start != nullptr ? *start : Value(std::int64_t{0});
  if (total.is_string()) runtime.fail("sum does not join strings");
  for (Value& item : items_of(runtime, input)) {
    total = arithmetic(runtime, "+", total, path.of(runtime, std::move(item)));
  }
  return total;
}

constexpr Named<Filter> kFilters[] = {{"int", int_filter},
                                      {"float", float_filter},
                                      {"abs", abs_filter},
                                      {"round", round_filter},
                                      {"sum", sum_filter}};

}  // namespace

Filter find_number_filter(std::string_view name) { return look_up(kFilters, name); }

}  // namespace transom::text::jinja
