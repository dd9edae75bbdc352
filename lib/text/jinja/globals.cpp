// SPDX-License-Identifier: Apache-2.0
#include "text/jinja/globals.h"

#include <map>

#include "text/jinja/operators.h"
#include "text/jinja/printing.h"

namespace transom::text::jinja {

using core::message;

namespace {

/// The one thing that a template can change: carries state out of loops.
class Namespace : public Object {
 public:
  std::string_view type_name() const override { return "Namespace"; }
  std::string text() const override { return "<Namespace>"; }
  std::optional<Value> attribute(Runtime&, std::string_view name) override {
    const auto found = attributes_.find(name);
    if (found == attributes_.end()) return std::nullopt;
    return found->second;
  }
  void set(Runtime& runtime, const std::string& name, const Value& value) {
    if (name.starts_with('_')) {
      runtime.fail(
          message("a namespace has no attributes that begin with an underscore, found \"", name, "\""));
    }
    runtime.charge(sizeof(Value));
    attributes_[name] = value;
  }
  void release() override { attributes_.clear(); }

 private:
  std::map<std::string, Value, std::less<>> attributes_;
};

/// Nothing on the first call, then the separator.
class Joiner : public Object {
 public:
  explicit Joiner(Value separator) : separator_(std::move(separator)) {}
  std::string_view type_name() const override { return "Joiner"; }
  std::string text() const override { return "<Joiner>"; }
  bool callable() const override { return true; }
  Value call(Runtime& runtime, const Arguments& arguments) override {
    bind<0>(runtime, "a joiner", arguments, {}, 0);
    if (used_) return separator_;
    used_ = true;
    return Value(std::string());
  }
  void release() override { separator_ = Value(); }

 private:
  Value separator_;
  bool used_ = false;
};

class Cycler : public Object {
 public:
  explicit Cycler(std::vector<Value> items) : items_(std::move(items)) {}
  std::string_view type_name() const override { return "Cycler"; }
  std::string text() const override { return "<Cycler>"; }
  std::optional<Value> attribute(Runtime& runtime, std::string_view name) override;
  Value current() const { return items_[at_]; }
  Value next() {
    Value item = current();
    at_ = (at_ + 1) % items_.size();
    return item;
  }
  void reset() { at_ = 0; }
  void release() override {
    items_.assign(1, Value());
    at_ = 0;
  }

 private:
  std::vector<Value> items_;
  std::size_t at_ = 0;
};

class CyclerFunction : public Object {
 public:
  CyclerFunction(Cycler& cycler, bool is_next) : cycler_(cycler), is_next_(is_next) {}
  std::string_view type_name() const override { return "method"; }
  std::string text() const override { return "<method of Cycler>"; }
  bool callable() const override { return true; }
  Value call(Runtime& runtime, const Arguments& arguments) override {
    bind<0>(runtime, "a cycler", arguments, {}, 0);
    if (is_next_) return cycler_.next();
    cycler_.reset();
    return Value();
  }

 private:
  Cycler& cycler_;  // both live until the rendering ends
  bool is_next_;
};

std::optional<Value> Cycler::attribute(Runtime& runtime, std::string_view name) {
  if (name == "current") return current();
  if (name != "next" && name != "reset") return std::nullopt;
  return Value(std::static_pointer_cast<Object>(runtime.make<CyclerFunction>(*this, name == "next")));
}

using Function = Value (*)(Runtime& runtime, const Arguments& arguments);

class FunctionObject : public Object {
 public:
  FunctionObject(std::string_view name, Function function) : name_(name), function_(function) {}
  std::string_view type_name() const override { return "function"; }
  std::string text() const override { return message("<function ", name_, ">"); }
  bool callable() const override { return true; }
  Value call(Runtime& runtime, const Arguments& arguments) override { return function_(runtime, arguments); }

 private:
  std::string_view name_;  // of the table below
  Function function_;
};

std::int64_t whole_argument(Runtime& runtime, std::string_view function, const Value& value) {
  if (const auto whole = value.as_integer()) return *whole;
  runtime.fail(message(function, " expects integers, found ", value.type_name()));
}

Value range(Runtime& runtime, const Arguments& arguments) {
  const auto [first, second, third] = bind<3>(runtime, "range", arguments, {"start", "stop", "step"}, 1);
  const std::int64_t start = second != nullptr ? whole_argument(runtime, "range", *first) : 0;
  const std::int64_t stop = whole_argument(runtime, "range", second != nullptr ? *second : *first);
  const std::int64_t step = third != nullptr ? whole_argument(runtime, "range", *third) : 1;
  if (step == 0) runtime.fail("the step of range is not 0");
  std::vector<Value> items;
  for (std::int64_t i = start; step > 0 ? i < stop : i > stop;) {
    if (items.size() == kMaxRange) runtime.fail(message("range gives at most ", kMaxRange, " items"));
    runtime.charge(sizeof(Value));
    items.emplace_back(i);
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  std::string label = message("range(", start, ", ", stop, step != 1 ? message(", ", step) : "", ")");
  return runtime.list(std::move(items), Sequence::Type::range, std::move(label));
}

/// dict(mapping or pairs, name=value...).
std::vector<Dict::Item> dict_items_of(Runtime& runtime, const Arguments& arguments) {
  if (arguments.positional.size() > 1) runtime.fail("dict takes at most one positional argument");
  std::vector<Dict::Item> items;
  if (!arguments.positional.empty()) {
    const Value& from = arguments.positional.front();
    if (from.is(Kind::dict)) {
      runtime.charge(from.dict().items.size() * sizeof(Dict::Item));
      items = from.dict().items;
    } else {
      for (const Value& pair : items_of(runtime, from)) {
        std::vector<Value> both = items_of(runtime, pair);
        if (both.size() != 2) runtime.fail(message("dict expects pairs, found ", both.size(), " values"));
        put_item(runtime, items, std::move(both[0]), std::move(both[1]));
      }
    }
  }
  for (const auto& [name, value] : arguments.named) put_item(runtime, items, runtime.string(name), value);
  return items;
}

Value dict(Runtime& runtime, const Arguments& arguments) {
  return runtime.dict(dict_items_of(runtime, arguments));
}

Value make_namespace(Runtime& runtime, const Arguments& arguments) {
  const auto made = runtime.make<Namespace>();
  for (const auto& [name, value] : dict_items_of(runtime, arguments)) {
    if (name.is_string()) made->set(runtime, name.string(), value);
  }
  return Value(std::static_pointer_cast<Object>(made));
}

Value joiner(Runtime& runtime, const Arguments& arguments) {
  const auto [separator] = bind<1>(runtime, "joiner", arguments, {"sep"}, 0);
  return Value(std::static_pointer_cast<Object>(
      runtime.make<Joiner>(separator != nullptr ? *separator : Value(std::string(", ")))));
}

Value cycler(Runtime& runtime, const Arguments& arguments) {
  if (arguments.positional.empty()) runtime.fail("cycler expects at least one item");
  return Value(std::static_pointer_cast<Object>(runtime.make<Cycler>(arguments.positional)));
}

Value raise_exception(Runtime& runtime, const Arguments& arguments) {
  const auto [text] = bind<1>(runtime, "raise_exception", arguments, {"message"}, 1);
  runtime.refuse(to_text(runtime, *text));
}

Value strftime_now(Runtime& runtime, const Arguments& arguments) {
  const auto [format] = bind<1>(runtime, "strftime_now", arguments, {"format"}, 1);
  if (!format->is_string()) runtime.fail("strftime_now expects a string");
  runtime.charge(64 * format->string().size());
  return runtime.string(format_time(runtime.now(), format->string()));
}

struct Entry {
  std::string_view name;
  Function function;
};
constexpr Entry kFunctions[] = {{"range", range},
                                {"dict", dict},
                                {"namespace", make_namespace},
                                {"joiner", joiner},
                                {"cycler", cycler},
                                {"raise_exception", raise_exception},
                                {"strftime_now", strftime_now}};

}  // namespace

std::optional<Value> make_global(Runtime& runtime, std::string_view name) {
  for (const Entry& entry : kFunctions) {
    if (entry.name != name) continue;
    return Value(std::static_pointer_cast<Object>(runtime.make<FunctionObject>(entry.name, entry.function)));
  }
  if (name == "lipsum") runtime.unsupported("the function \"lipsum\"");
  return std::nullopt;
}

Value call_value(Runtime& runtime, const Value& callee, const Arguments& arguments) {
  if (callee.is_undefined()) runtime.fail(callee.problem());
  if (!callee.is(Kind::object)) {
    runtime.fail(message("a value of type ", callee.type_name(), " cannot be called"));
  }
  return callee.object().call(runtime, arguments);
}

void assign_namespace(Runtime& runtime, const Value& target, const std::string& attribute,
                      const Value& value) {
  auto* const space = target.is(Kind::object) ? dynamic_cast<Namespace*>(&target.object()) : nullptr;
  if (space == nullptr) {
    runtime.fail(message("attributes can only be set on a namespace, found ", target.type_name()));
  }
  space->set(runtime, attribute, value);
}

}  // namespace transom::text::jinja
