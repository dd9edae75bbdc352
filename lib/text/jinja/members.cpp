// SPDX-License-Identifier: Apache-2.0
#include "text/jinja/members.h"

#include <algorithm>
#include <cmath>

#include "text/jinja/operators.h"
#include "text/jinja/printing.h"
#include "text/jinja/strings.h"
#include "text/utf8.h"

namespace transom::text::jinja {

using core::message;

namespace {

/// A method that was taken off its value: `{% set f = text.split %}`.
class BoundMethod : public Object {
 public:
  BoundMethod(Value self, std::string_view name, Method method)
      : self_(std::move(self)), name_(name), method_(method) {}
  std::string_view type_name() const override { return "method"; }
  std::string text() const override { return message("<built-in method ", name_, ">"); }
  bool callable() const override { return true; }
  Value call(Runtime& runtime, const Arguments& arguments) override {
    return method_(runtime, self_, arguments);
  }
  void release() override { self_ = Value(); }

 private:
  Value self_;
  std::string name_;
  Method method_;
};

Value dict_view(Runtime& runtime, const Value& self, const Arguments& arguments, Sequence::Type type) {
  bind<0>(runtime, "a view of a dict", arguments, {}, 0);
  runtime.charge(self.dict().items.size() * sizeof(Value));
  std::vector<Value> items;
  for (const auto& [key, value] : self.dict().items) {
    if (type == Sequence::Type::items) {
      items.push_back(runtime.tuple({key, value}));
    } else {
      items.push_back(type == Sequence::Type::keys ? key : value);
    }
  }
  return runtime.list(std::move(items), type);
}

Value dict_keys(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return dict_view(runtime, self, arguments, Sequence::Type::keys);
}
Value dict_values(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return dict_view(runtime, self, arguments, Sequence::Type::values);
}
Value dict_items(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return dict_view(runtime, self, arguments, Sequence::Type::items);
}

const Value* find_key(Runtime& runtime, const Dict& dict, const Value& key) {
  if (key.is_string()) {
    runtime.step(1 + dict.items.size() / 8 + dict.items.size() * (key.string().size() / 1024));
    return dict.find(key.string());
  }
  for (const auto& [one, value] : dict.items) {
    if (equals(runtime, one, key)) return &value;
  }
  return nullptr;
}

Value dict_get(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const auto [key, fallback] = bind<2>(runtime, "get", arguments, {"key", "default"}, 1);
  if (const Value* found = find_key(runtime, self.dict(), *key)) return *found;
  return fallback != nullptr ? *fallback : Value();
}

Value copy(Runtime& runtime, const Value& self, const Arguments& arguments) {
  bind<0>(runtime, "copy", arguments, {}, 0);
  return self;  // values never change
}

Value list_index(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const auto [wanted] = bind<1>(runtime, "index", arguments, {"value"}, 1);
  const std::vector<Value>& items = self.sequence().items;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (equals(runtime, items[i], *wanted)) return Value(static_cast<std::int64_t>(i));
  }
  runtime.fail(message(to_repr(runtime, *wanted), " is not in the list"));
}

Value list_count(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Value& wanted = *bind<1>(runtime, "count", arguments, {"value"}, 1)[0];
  const std::vector<Value>& items = self.sequence().items;
  return Value(static_cast<std::int64_t>(std::count_if(
      items.begin(), items.end(), [&](const Value& item) { return equals(runtime, item, wanted); })));
}

Value is_whole(Runtime& runtime, const Value& self, const Arguments& arguments) {
  bind<0>(runtime, "is_integer", arguments, {}, 0);
  return Value(std::isfinite(self.real()) && self.real() == std::floor(self.real()));
}

bool has(std::initializer_list<std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_list(const Value& value) {
  return value.is(Kind::sequence) && value.sequence().type == Sequence::Type::list;
}

/// Whether the sandbox refuses the attribute.
bool is_unsafe(const Value& object, std::string_view name) {
  if (name.starts_with("__") && name.ends_with("__") && name.size() > 4) return true;
  if (object.is(Kind::dict)) return has({"clear", "pop", "popitem", "setdefault", "update"}, name);
  if (!is_list(object)) return false;
  return has({"append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"}, name);
}

/// "dict object", as jinja2 names the owner of a missing member.
std::string owner_name(const Value& object) {
  return object.is_none() ? "None" : message(object.type_name(), " object");
}

Value missing_attribute(const Value& object, std::string_view name) {
  return Value::undefined(message("'", owner_name(object), "' has no attribute '", clipped(name), "'"));
}

/// The attribute that getattr() finds, keys left aside.
std::optional<Value> own_attribute(Runtime& runtime, const Value& object, std::string_view name) {
  if (object.is(Kind::object)) return object.object().attribute(runtime, name);
  if (is_unsafe(object, name)) {
    return Value::undefined(
        message("access to attribute '", clipped(name), "' of '", object.type_name(), "' object is unsafe"));
  }
  if (const Method method = find_method(runtime, object, name)) {
    return Value(std::static_pointer_cast<Object>(runtime.make<BoundMethod>(object, name, method)));
  }
  return std::nullopt;
}

std::optional<Value> element(Runtime& runtime, const Value& object, std::int64_t index) {
  if (object.is(Kind::sequence) && object.sequence().indexable()) {
    const std::vector<Value>& items = object.sequence().items;
    if (index < 0) index += static_cast<std::int64_t>(items.size());
    if (index < 0 || index >= static_cast<std::int64_t>(items.size())) return std::nullopt;
    return items[static_cast<std::size_t>(index)];
  }
  if (!object.is_string()) return std::nullopt;
  const std::string& text = object.string();
  runtime.step(text.size() / 64);
  if (index < 0) index += static_cast<std::int64_t>(text_length(text));
  if (index < 0) return std::nullopt;
  const std::size_t at = byte_of(text, static_cast<std::size_t>(index));
  if (at >= text.size()) return std::nullopt;
  return runtime.string(text.substr(at, utf8_length(text[at])));
}

}  // namespace

Method find_method(Runtime& runtime, const Value& object, std::string_view name) {
  if (object.is_string()) {
    if (const Method method = find_string_method(name)) return method;
    if (const Method method = find_string_predicate(name)) return method;
    if (has({"encode", "expandtabs", "format_map", "isidentifier", "isprintable", "maketrans", "translate"},
            name)) {
      runtime.unsupported(message("the method \"", name, "\" of str"));
    }
  } else if (object.is(Kind::dict)) {
    if (name == "get") return dict_get;
    if (name == "items") return dict_items;
    if (name == "keys") return dict_keys;
    if (name == "values") return dict_values;
    if (name == "copy") return copy;
    if (name == "fromkeys") runtime.unsupported("the method \"fromkeys\" of dict");
  } else if (object.is(Kind::sequence) && object.sequence().indexable()) {
    if (name == "index") return list_index;
    if (name == "count") return list_count;
    if (name == "copy" && is_list(object)) return copy;
  } else if (object.is(Kind::real) && name == "is_integer") {
    return is_whole;
  }
  return nullptr;
}

Value attribute_of(Runtime& runtime, const Value& object, std::string_view name) {
  if (object.is_undefined()) runtime.fail(object.problem());
  if (auto own = own_attribute(runtime, object, name)) return *std::move(own);
  if (object.is(Kind::dict)) {
    runtime.step(object.dict().items.size() / 8);
    if (const Value* found = object.dict().find(name)) return *found;
  }
  return missing_attribute(object, name);
}

Value item_of(Runtime& runtime, const Value& object, const Value& key) {
  if (object.is_undefined()) runtime.fail(object.problem());
  if (object.is(Kind::dict)) {
    if (const Value* found = find_key(runtime, object.dict(), key)) return *found;
  } else if (const auto index = key.as_integer()) {
    if (auto found = element(runtime, object, *index)) return *std::move(found);
  }
  if (!key.is_string()) {
    return Value::undefined(message("'", owner_name(object), "' has no element ", to_repr(runtime, key)));
  }
  if (auto own = own_attribute(runtime, object, key.string())) return *std::move(own);
  return missing_attribute(object, key.string());
}

}  // namespace transom::text::jinja
