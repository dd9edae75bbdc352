// SPDX-License-Identifier: Apache-2.0
#include "text/jinja/tests.h"

#include "text/jinja/filters.h"
#include "text/jinja/lookup.h"
#include "text/jinja/operators.h"
#include "text/jinja/printing.h"
#include "text/jinja/strings.h"

namespace transom::text::jinja {

using core::message;

namespace {

const Value& other(Runtime& runtime, std::string_view test, const Arguments& arguments) {
  return *bind<1>(runtime, test, arguments, {"other"}, 1)[0];
}

bool is_defined(Runtime&, const Value& input, const Arguments&) { return !input.is_undefined(); }
bool is_undefined(Runtime&, const Value& input, const Arguments&) { return input.is_undefined(); }
bool is_none(Runtime&, const Value& input, const Arguments&) { return input.is_none(); }
bool is_boolean(Runtime&, const Value& input, const Arguments&) { return input.is(Kind::boolean); }
bool is_true(Runtime&, const Value& input, const Arguments&) {
  return input.is(Kind::boolean) && input.boolean();
}
bool is_false(Runtime&, const Value& input, const Arguments&) {
  return input.is(Kind::boolean) && !input.boolean();
}
bool is_integer(Runtime&, const Value& input, const Arguments&) { return input.is(Kind::integer); }
bool is_float(Runtime&, const Value& input, const Arguments&) { return input.is(Kind::real); }
bool is_number(Runtime&, const Value& input, const Arguments&) { return input.as_real().has_value(); }
bool is_string(Runtime&, const Value& input, const Arguments&) { return input.is_string(); }
bool is_mapping(Runtime&, const Value& input, const Arguments&) { return input.is(Kind::dict); }
bool is_iterable_test(Runtime&, const Value& input, const Arguments&) { return is_iterable(input); }
bool is_callable(Runtime&, const Value& input, const Arguments&) {
  return input.is_undefined() || (input.is(Kind::object) && input.object().callable());
}
bool is_escaped(Runtime&, const Value&, const Arguments&) { return false; }

/// Has a length and takes an index, as far as Python's type shows.
bool is_sequence(Runtime&, const Value& input, const Arguments&) {
  return input.is_undefined() || input.is_string() || input.is(Kind::dict) ||
         (input.is(Kind::sequence) && input.sequence().indexable());
}

bool is_lower_test(Runtime& runtime, const Value& input, const Arguments&) {
  const std::string text = to_text(runtime, input);
  runtime.charge(4 * text.size());
  return lower(text) == text && upper(text) != text;
}

bool is_upper_test(Runtime& runtime, const Value& input, const Arguments&) {
  const std::string text = to_text(runtime, input);
  runtime.charge(4 * text.size());
  return upper(text) == text && lower(text) != text;
}

bool rest_is(Runtime& runtime, const Value& input, const Value& divisor, std::int64_t wanted) {
  return equals(runtime, arithmetic(runtime, "%", input, divisor), Value(wanted));
}
bool is_odd(Runtime& runtime, const Value& input, const Arguments&) {
  return rest_is(runtime, input, Value(std::int64_t{2}), 1);
}
bool is_even(Runtime& runtime, const Value& input, const Arguments&) {
  return rest_is(runtime, input, Value(std::int64_t{2}), 0);
}
bool is_divisible(Runtime& runtime, const Value& input, const Arguments& arguments) {
  return rest_is(runtime, input, *bind<1>(runtime, "divisibleby", arguments, {"num"}, 1)[0], 0);
}

bool is_in(Runtime& runtime, const Value& input, const Arguments& arguments) {
  return contains(runtime, *bind<1>(runtime, "in", arguments, {"seq"}, 1)[0], input);
}
bool is_same(Runtime& runtime, const Value& input, const Arguments& arguments) {
  return input.same_as(other(runtime, "sameas", arguments));
}
bool is_equal(Runtime& runtime, const Value& input, const Arguments& arguments) {
  return compare(runtime, "==", input, other(runtime, "eq", arguments));
}
bool is_unequal(Runtime& runtime, const Value& input, const Arguments& arguments) {
  return compare(runtime, "!=", input, other(runtime, "ne", arguments));
}
bool is_less(Runtime& runtime, const Value& input, const Arguments& arguments) {
  return compare(runtime, "<", input, other(runtime, "lt", arguments));
}
bool is_at_most(Runtime& runtime, const Value& input, const Arguments& arguments) {
  return compare(runtime, "<=", input, other(runtime, "le", arguments));
}
bool is_greater(Runtime& runtime, const Value& input, const Arguments& arguments) {
  return compare(runtime, ">", input, other(runtime, "gt", arguments));
}
bool is_at_least(Runtime& runtime, const Value& input, const Arguments& arguments) {
  return compare(runtime, ">=", input, other(runtime, "ge", arguments));
}

bool is_filter(Runtime&, const Value& input, const Arguments&) {
  return input.is_string() && find_filter(input.string()) != nullptr;
}
bool is_test(Runtime&, const Value& input, const Arguments&) {
  return input.is_string() && find_test(input.string()) != nullptr;
}

constexpr Named<Test> kTests[] = {
    {"defined", is_defined},
    {"undefined", is_undefined},
    {"none", is_none},
    {"boolean", is_boolean},
    {"true", is_true},
    {"false", is_false},
    {"integer", is_integer},
    {"float", is_float},
    {"number", is_number},
    {"string", is_string},
    {"mapping", is_mapping},
    {"iterable", is_iterable_test},
    {"sequence", is_sequence},
    {"callable", is_callable},
    {"escaped", is_escaped},
    {"lower", is_lower_test},
    {"upper", is_upper_test},
    {"odd", is_odd},
    {"even", is_even},
    {"divisibleby", is_divisible},
    {"in", is_in},
    {"sameas", is_same},
    {"eq", is_equal},
    {"equalto", is_equal},
    {"==", is_equal},
    {"ne", is_unequal},
    {"!=", is_unequal},
    {"lt", is_less},
    {"lessthan", is_less},
    {"<", is_less},
    {"le", is_at_most},
    {"<=", is_at_most},
    {"gt", is_greater},
    {"greaterthan", is_greater},
    {">", is_greater},
    {"ge", is_at_least},
    {">=", is_at_least},
    {"filter", is_filter},
    {"test", is_test},
};

}  // namespace

Test find_test(std::string_view name) { return look_up(kTests, name); }

}  // namespace transom::text::jinja
