// SPDX-License-Identifier: Apache-2.0
#include "text/jinja/value.h"

#include "text/jinja/runtime.h"

namespace transom::text::jinja {

Object::~Object() = default;

std::optional<Value> Object::attribute(Runtime&, std::string_view) { return std::nullopt; }

Value Object::call(Runtime& runtime, const Arguments&) {
  runtime.fail(core::message("a value of type ", type_name(), " cannot be called"));
}

Value Value::undefined(std::string problem) {
  Value value;
  value.data_.emplace<0>(Undefined{std::make_shared<const std::string>(std::move(problem))});
  return value;
}

std::optional<std::int64_t> Value::as_integer() const {
  if (is(Kind::integer)) return integer();
  if (is(Kind::boolean)) return boolean() ? 1 : 0;
  return std::nullopt;
}

std::optional<double> Value::as_real() const {
  if (is(Kind::real)) return real();
  if (const auto whole = as_integer()) return static_cast<double>(*whole);
  return std::nullopt;
}

bool Value::same_as(const Value& other) const {
  if (kind() != other.kind()) return false;
  switch (kind()) {
    case Kind::undefined:
    case Kind::none:
      return true;
    case Kind::boolean:
      return boolean() == other.boolean();
    case Kind::integer:
      return integer() == other.integer();
    case Kind::real:
      return real() == other.real();
    case Kind::string:
      return &string() == &other.string();
    case Kind::sequence:
      return &sequence() == &other.sequence();
    case Kind::dict:
      return &dict() == &other.dict();
    case Kind::object:
      return &object() == &other.object();
  }
  return false;
}

std::size_t Value::depth() const {
  if (is(Kind::sequence)) return sequence().depth;
  if (is(Kind::dict)) return dict().depth;
  return 0;
}

std::string_view Value::type_name() const {
  switch (kind()) {
    case Kind::undefined:
      return "Undefined";
    case Kind::none:
      return "None";
    case Kind::boolean:
      return "bool";
    case Kind::integer:
      return "int";
    case Kind::real:
      return "float";
    case Kind::string:
      return "str";
    case Kind::dict:
      return "dict";
    case Kind::object:
      return object().type_name();
    case Kind::sequence:
      break;
  }
  static constexpr std::string_view kNames[] = {"list",        "tuple",      "range",    "dict_keys",
                                                "dict_values", "dict_items", "generator"};
  return kNames[static_cast<std::size_t>(sequence().type)];
}

const Value* Dict::find(std::string_view key) const {
  for (const Item& item : items) {
    if (item.first.is_string() && item.first.string() == key) return &item.second;
  }
  return nullptr;
}

}  // namespace transom::text::jinja
