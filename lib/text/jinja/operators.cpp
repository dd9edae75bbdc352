// SPDX-License-Identifier: Apache-2.0
/// Arithmetic.
#include "text/jinja/operators.h"

#include <cmath>

#include "text/jinja/percent_format.h"

namespace transom::text::jinja {

using core::message;

namespace {

[[noreturn]] void fail_operands(Runtime& runtime, std::string_view symbol, const Value& a, const Value& b) {
  for (const Value* value : {&a, &b}) {
    if (value->is_undefined()) runtime.fail(value->problem());
  }
  runtime.fail(message("cannot compute ", a.type_name(), " ", symbol, " ", b.type_name()));
}

Value checked(Runtime& runtime, bool overflow, const std::int64_t& result) {
  if (overflow) runtime.fail("an integer leaves the range of 64 bits");
  return Value(result);
}

Value power(Runtime& runtime, std::int64_t base, std::int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) runtime.fail("0 cannot be raised to a negative power");
    return Value(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  std::int64_t result = 1;
  bool overflow = false;
  for (std::int64_t square = base; exponent > 0;) {
    if ((exponent & 1) != 0) overflow = overflow || __builtin_mul_overflow(result, square, &result);
    exponent >>= 1;
    if (exponent > 0) overflow = overflow || __builtin_mul_overflow(square, square, &square);
    if (overflow) break;
  }
  return checked(runtime, overflow, result);
}

Value integer_arithmetic(Runtime& runtime, std::string_view symbol, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (symbol == "+") return checked(runtime, __builtin_add_overflow(a, b, &result), result);
  if (symbol == "-") return checked(runtime, __builtin_sub_overflow(a, b, &result), result);
  if (symbol == "*") return checked(runtime, __builtin_mul_overflow(a, b, &result), result);
  if (symbol == "**") return power(runtime, a, b);
  if (b == 0) runtime.fail("division by zero");
  if (symbol == "/") return Value(static_cast<double>(a) / static_cast<double>(b));
  if (b == -1) {
    if (symbol == "%") return Value(std::int64_t{0});
    return checked(runtime, __builtin_sub_overflow(std::int64_t{0}, a, &result), result);
  }
  std::int64_t quotient = a / b;
  std::int64_t rest = a % b;
  if (rest != 0 && (rest < 0) != (b < 0)) {  // rounds towards minus infinity
    --quotient;
    rest += b;
  }
  return Value(symbol == "%" ? rest : quotient);
}

Value real_arithmetic(Runtime& runtime, std::string_view symbol, double a, double b) {
  if (symbol == "+") return Value(a + b);
  if (symbol == "-") return Value(a - b);
  if (symbol == "*") return Value(a * b);
  if (symbol == "**") {
    if (a == 0 && b < 0) runtime.fail("0 cannot be raised to a negative power");
    if (a < 0 && b != std::floor(b)) runtime.fail("a negative number cannot be raised to a fraction");
    const double result = std::pow(a, b);
    if (std::isinf(result) && std::isfinite(a) && std::isfinite(b)) runtime.fail("a power is out of range");
    return Value(result);
  }
  if (b == 0) runtime.fail("division by zero");
  if (symbol == "/") return Value(a / b);
  double rest = std::fmod(a, b);
  if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
  if (rest == 0) rest = std::copysign(0.0, b);
  if (symbol == "%") return Value(rest);
  const double quotient = std::round((a - rest) / b);
  return Value(quotient == 0 ? std::copysign(0.0, a / b) : quotient);
}

Value repeat(Runtime& runtime, const Value& value, std::int64_t count) {
  const auto times = static_cast<std::size_t>(count < 0 ? 0 : count);
  const std::size_t size =
      value.is_string() ? value.string().size() : value.sequence().items.size() * sizeof(Value);
  if (size != 0 && times > (std::size_t{1} << 40) / size) runtime.charge(std::size_t{1} << 40);
  runtime.charge(size * times);
  if (value.is_string()) {
    std::string out;
    out.reserve(size * times);
    for (std::size_t i = 0; i < times && size != 0; ++i) out += value.string();
    return Value(std::move(out));
  }
  std::vector<Value> items;
  for (std::size_t i = 0; i < times && size != 0; ++i) {
    items.insert(items.end(), value.sequence().items.begin(), value.sequence().items.end());
  }
  return runtime.list(std::move(items), value.sequence().type);
}

bool is_list_or_tuple(const Value& value) {
  return value.is(Kind::sequence) &&
         (value.sequence().type == Sequence::Type::list || value.sequence().type == Sequence::Type::tuple);
}

Value add_sequences(Runtime& runtime, const Value& a, const Value& b) {
  runtime.charge((a.sequence().items.size() + b.sequence().items.size()) * sizeof(Value));
  std::vector<Value> items = a.sequence().items;
  items.insert(items.end(), b.sequence().items.begin(), b.sequence().items.end());
  return runtime.list(std::move(items), a.sequence().type);
}

}  // namespace

Value arithmetic(Runtime& runtime, std::string_view symbol, const Value& a, const Value& b) {
  const auto whole_a = a.as_integer();
  const auto whole_b = b.as_integer();
  if (whole_a && whole_b) return integer_arithmetic(runtime, symbol, *whole_a, *whole_b);
  const auto real_a = a.as_real();
  const auto real_b = b.as_real();
  if (real_a && real_b) return real_arithmetic(runtime, symbol, *real_a, *real_b);
  if (symbol == "+") {
    if (a.is_string() && b.is_string()) {
      runtime.charge(a.string().size() + b.string().size());
      return Value(a.string() + b.string());
    }
    if (is_list_or_tuple(a) && is_list_or_tuple(b) && a.sequence().type == b.sequence().type) {
      return add_sequences(runtime, a, b);
    }
  }
  if (symbol == "*") {
    if ((a.is_string() || is_list_or_tuple(a)) && whole_b) return repeat(runtime, a, *whole_b);
    if ((b.is_string() || is_list_or_tuple(b)) && whole_a) return repeat(runtime, b, *whole_a);
  }
  if (symbol == "%" && a.is_string()) return percent_format(runtime, a.string(), b);
  fail_operands(runtime, symbol, a, b);
}

Value apply_sign(Runtime& runtime, char sign, const Value& value) {
  if (const auto whole = value.as_integer()) {
    return sign == '-' ? integer_arithmetic(runtime, "-", 0, *whole) : Value(*whole);
  }
  if (value.is(Kind::real)) return Value(sign == '-' ? -value.real() : value.real());
  if (value.is_undefined()) runtime.fail(value.problem());
  runtime.fail(message("cannot take ", std::string_view(&sign, 1), " of ", value.type_name()));
}

}  // namespace transom::text::jinja
