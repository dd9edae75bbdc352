// SPDX-License-Identifier: Apache-2.0
#include "text/jinja/runtime.h"

#include <algorithm>

#include "transom/error.h"

namespace transom::text::jinja {

namespace {

std::string placed(std::string_view name, int line, std::string_view problem) {
  return core::message(name, ", line ", line, ": ", problem);
}

}  // namespace

Value Runtime::string(std::string text) {
  charge(text.size() + sizeof(std::string));
  return Value(std::move(text));
}

Value Runtime::list(std::vector<Value> items, Sequence::Type type, std::string label) {
  charge(items.size() * sizeof(Value) + sizeof(Sequence));
  auto made = std::make_shared<Sequence>();
  for (const Value& item : items) made->depth = std::max(made->depth, item.depth() + 1);
  if (made->depth > kMaxValueDepth) fail_limit("nested lists and dicts", kMaxValueDepth);
  made->type = type;
  made->items = std::move(items);
  made->label = std::move(label);
  return Value(std::shared_ptr<const Sequence>(std::move(made)));
}

Value Runtime::dict(std::vector<Dict::Item> items) {
  charge(items.size() * sizeof(Dict::Item) + sizeof(Dict));
  auto made = std::make_shared<Dict>();
  for (const Dict::Item& item : items) {
    made->depth = std::max({made->depth, item.first.depth() + 1, item.second.depth() + 1});
  }
  if (made->depth > kMaxValueDepth) fail_limit("nested lists and dicts", kMaxValueDepth);
  made->items = std::move(items);
  return Value(std::shared_ptr<const Dict>(std::move(made)));
}

void Runtime::fail(std::string_view problem) const {
  throw FormatError(placed(template_name_, line_, problem));
}

void Runtime::refuse(std::string_view problem) const {
  throw InvalidArgument(placed(template_name_, line_, problem));
}

void Runtime::unsupported(std::string_view what) const {
  throw UnsupportedError(placed(template_name_, line_, core::message(what, " is not supported")));
}

void Runtime::fail_limit(std::string_view what, std::size_t limit) const {
  fail(core::message("the template takes more than ", limit, " ", what));
}

std::tm Runtime::now() const {
  if (clock_) return clock_();
  const std::time_t seconds = std::time(nullptr);
  std::tm local{};
  localtime_r(&seconds, &local);
  return local;
}

void bind_arguments(Runtime& runtime, std::string_view function, const Arguments& arguments,
                    const std::string_view* names, std::size_t n_names, std::size_t required,
                    const Value** out) {
  if (arguments.positional.size() > n_names) {
    runtime.fail(core::message(function, " takes at most ", n_names, " arguments, found ",
                               arguments.positional.size()));
  }
  for (std::size_t i = 0; i < arguments.positional.size(); ++i) out[i] = &arguments.positional[i];
  for (const auto& [name, value] : arguments.named) {
    const std::string_view* const found = std::find(names, names + n_names, name);
    if (found == names + n_names) runtime.fail(core::message(function, " has no parameter \"", name, "\""));
    const Value*& slot = out[found - names];
    if (slot != nullptr) runtime.fail(core::message(function, ": \"", name, "\" is given twice"));
    slot = &value;
  }
  for (std::size_t i = 0; i < required; ++i) {
    if (out[i] == nullptr) runtime.fail(core::message(function, ": argument \"", names[i], "\" is missing"));
  }
}

}  // namespace transom::text::jinja
