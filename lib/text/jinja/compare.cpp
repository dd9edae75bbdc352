// SPDX-License-Identifier: Apache-2.0
/// Truth, equality, order and membership.
#include <algorithm>
#include <cmath>
#include <compare>

#include "text/jinja/operators.h"
#include "text/jinja/strings.h"

namespace transom::text::jinja {

using core::message;

namespace {

std::partial_ordering compare_mixed(std::int64_t a, double b) {
  constexpr double kTwoTo63 = 9223372036854775808.0;
  if (std::isnan(b)) return std::partial_ordering::unordered;
  if (b >= kTwoTo63) return std::partial_ordering::less;
  if (b < -kTwoTo63) return std::partial_ordering::greater;
  const double whole = std::floor(b);
  const auto as_int = static_cast<std::int64_t>(whole);
  if (a != as_int) return a < as_int ? std::partial_ordering::less : std::partial_ordering::greater;
  return whole < b ? std::partial_ordering::less : std::partial_ordering::equivalent;
}

/// Exact, also between an integer and a float. Both must be numbers.
std::partial_ordering compare_numbers(const Value& a, const Value& b) {
  const auto whole_a = a.as_integer();
  const auto whole_b = b.as_integer();
  if (whole_a && whole_b) return *whole_a <=> *whole_b;
  if (whole_a) return compare_mixed(*whole_a, b.real());
  if (whole_b) return 0 <=> compare_mixed(*whole_b, a.real());
  return a.real() <=> b.real();
}

bool is_number(const Value& value) { return value.as_real().has_value(); }

bool equal_items(Runtime& runtime, const std::vector<Value>& a, const std::vector<Value>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!equals(runtime, a[i], b[i])) return false;
  }
  return true;
}

bool equal_dicts(Runtime& runtime, const Dict& a, const Dict& b) {
  if (a.items.size() != b.items.size()) return false;
  return std::all_of(a.items.begin(), a.items.end(), [&](const Dict::Item& item) {
    return std::any_of(b.items.begin(), b.items.end(), [&](const Dict::Item& other) {
      return equals(runtime, item.first, other.first) && equals(runtime, item.second, other.second);
    });
  });
}

/// What can change cannot be a key.
void check_key(Runtime& runtime, const Value& key) {
  if (key.is(Kind::dict)) runtime.fail("a dict cannot be a key");
  if (!key.is(Kind::sequence)) return;
  if (key.sequence().type == Sequence::Type::list) runtime.fail("a list cannot be a key");
  for (const Value& item : key.sequence().items) check_key(runtime, item);
}

}  // namespace

bool truth(const Value& value) {
  switch (value.kind()) {
    case Kind::undefined:
    case Kind::none:
      return false;
    case Kind::boolean:
      return value.boolean();
    case Kind::integer:
      return value.integer() != 0;
    case Kind::real:
      return value.real() != 0;
    case Kind::string:
      return !value.string().empty();
    case Kind::sequence:
      return value.sequence().type == Sequence::Type::generator || !value.sequence().items.empty();
    case Kind::dict:
      return !value.dict().items.empty();
    case Kind::object:
      return true;
  }
  return false;
}

bool equals(Runtime& runtime, const Value& a, const Value& b) {
  runtime.step();
  const Runtime::Nesting nesting(runtime);
  if (is_number(a) && is_number(b)) return compare_numbers(a, b) == std::partial_ordering::equivalent;
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::string:
      runtime.step(std::min(a.string().size(), b.string().size()) / 256);
      return a.string() == b.string();
    case Kind::sequence: {
      if (a.same_as(b)) return true;
      const Sequence::Type type = a.sequence().type;
      return type == b.sequence().type && type != Sequence::Type::generator &&
             equal_items(runtime, a.sequence().items, b.sequence().items);
    }
    case Kind::dict:
      return a.same_as(b) || equal_dicts(runtime, a.dict(), b.dict());
    default:
      return a.same_as(b);
  }
}

bool less(Runtime& runtime, const Value& a, const Value& b) {
  runtime.step();
  const Runtime::Nesting nesting(runtime);
  if (is_number(a) && is_number(b)) return compare_numbers(a, b) == std::partial_ordering::less;
  if (a.is_string() && b.is_string()) {
    runtime.step(std::min(a.string().size(), b.string().size()) / 256);
    return a.string() < b.string();  // UTF-8 sorts as its code points do
  }
  const bool sequences =
      a.is(Kind::sequence) && b.is(Kind::sequence) && a.sequence().type == b.sequence().type &&
      (a.sequence().type == Sequence::Type::list || a.sequence().type == Sequence::Type::tuple);
  if (!sequences) {
    for (const Value* value : {&a, &b}) {
      if (value->is_undefined()) runtime.fail(value->problem());
    }
    runtime.fail(message("cannot order ", a.type_name(), " and ", b.type_name()));
  }
  const std::vector<Value>& left = a.sequence().items;
  const std::vector<Value>& right = b.sequence().items;
  for (std::size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
    if (!equals(runtime, left[i], right[i])) return less(runtime, left[i], right[i]);
  }
  return left.size() < right.size();
}

bool compare(Runtime& runtime, std::string_view operation, const Value& a, const Value& b) {
  if (operation == "==") return equals(runtime, a, b);
  if (operation == "!=") return !equals(runtime, a, b);
  if (operation == "<") return less(runtime, a, b);
  if (operation == ">") return less(runtime, b, a);
  if (operation == "<=") return less(runtime, a, b) || equals(runtime, a, b);
  if (operation == ">=") return less(runtime, b, a) || equals(runtime, a, b);
  return contains(runtime, b, a) == (operation == "in");
}

void put_item(Runtime& runtime, std::vector<Dict::Item>& items, Value key, Value value) {
  check_key(runtime, key);
  for (Dict::Item& item : items) {
    if (!equals(runtime, item.first, key)) continue;
    item.second = std::move(value);
    return;
  }
  runtime.charge(sizeof(Dict::Item));
  items.emplace_back(std::move(key), std::move(value));
}

bool contains(Runtime& runtime, const Value& container, const Value& item) {
  runtime.step();
  if (container.is_string()) {
    if (item.is_undefined()) runtime.fail(item.problem());
    if (!item.is_string()) {
      runtime.fail(message("\"in\" a string expects a string on its left, found ", item.type_name()));
    }
    runtime.step(container.string().size() / 32);
    return find_text(container.string(), item.string()) != std::string_view::npos;
  }
  if (container.is(Kind::dict)) {
    check_key(runtime, item);
    const Dict& dict = container.dict();
    return std::any_of(dict.items.begin(), dict.items.end(),
                       [&](const Dict::Item& one) { return equals(runtime, one.first, item); });
  }
  Iteration iteration(runtime, container);
  for (Value value; iteration.next(value);) {
    if (equals(runtime, value, item)) return true;
  }
  return false;
}

}  // namespace transom::text::jinja
