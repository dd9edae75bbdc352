// SPDX-License-Identifier: Apache-2.0
/// map, select, reject, selectattr, rejectattr. All give generators.
#include "text/jinja/filters.h"
#include "text/jinja/lookup.h"
#include "text/jinja/operators.h"
#include "text/jinja/tests.h"

namespace transom::text::jinja {

using core::message;

namespace {

const Value* find_named(const Arguments& arguments, std::string_view name) {
  for (const auto& [one, value] : arguments.named) {
    if (one == name) return &value;
  }
  return nullptr;
}

/// The arguments behind the first `n`.
Arguments without_first(const Arguments& arguments, std::size_t n) {
  return {{arguments.positional.begin() + static_cast<std::ptrdiff_t>(n), arguments.positional.end()},
          arguments.named};
}

const std::string& name_argument(Runtime& runtime, std::string_view filter, const Value& value) {
  if (!value.is_string()) runtime.fail(message(filter, " expects a name, found ", value.type_name()));
  return value.string();
}

Value generator(Runtime& runtime, std::vector<Value> items) {
  return runtime.list(std::move(items), Sequence::Type::generator);
}

Value map_attribute(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const Value* const attribute = find_named(arguments, "attribute");
  const Value* const fallback = find_named(arguments, "default");
  if (arguments.named.size() > (fallback != nullptr ? 2U : 1U)) runtime.fail("map got an unknown argument");
  const AttributePath path(runtime, attribute);
  std::vector<Value> out;
  for (Value& item : items_of(runtime, input)) out.push_back(path.of(runtime, std::move(item), fallback));
  return generator(runtime, std::move(out));
}

Value map_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  if (!truth(input)) return generator(runtime, {});
  const Runtime::Nesting nesting(runtime);
  if (arguments.positional.empty()) {
    if (find_named(arguments, "attribute") == nullptr) runtime.fail("map expects a filter or attribute=");
    return map_attribute(runtime, input, arguments);
  }
  const std::string& name = name_argument(runtime, "map", arguments.positional.front());
  const Filter filter = find_filter(name);
  if (filter == nullptr) runtime.unsupported(message("the filter \"", name, "\""));
  const Arguments rest = without_first(arguments, 1);
  std::vector<Value> out;
  for (const Value& item : items_of(runtime, input)) out.push_back(filter(runtime, item, rest));
  return generator(runtime, std::move(out));
}

Value choose(Runtime& runtime, std::string_view filter, const Value& input, const Arguments& arguments,
             bool by_attribute, bool wanted) {
  if (!truth(input)) return generator(runtime, {});
  const Runtime::Nesting nesting(runtime);
  const std::size_t n_before = by_attribute ? 1 : 0;
  const std::vector<Value>& given = arguments.positional;
  if (given.size() < n_before) runtime.fail(message(filter, " expects the name of an attribute"));
  const AttributePath path(runtime, by_attribute ? &given[0] : nullptr);
  Test test = nullptr;
  Arguments rest;
  if (given.size() > n_before) {
    const std::string& name = name_argument(runtime, filter, given[n_before]);
    test = find_test(name);
    if (test == nullptr) runtime.unsupported(message("the test \"", name, "\""));
    rest = without_first(arguments, n_before + 1);
  }
  std::vector<Value> out;
  for (Value& item : items_of(runtime, input)) {
    const Value tested = path.of(runtime, item);
    const bool holds = test != nullptr ? test(runtime, tested, rest) : truth(tested);
    if (holds == wanted) out.push_back(std::move(item));
  }
  return generator(runtime, std::move(out));
}

Value select_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  return choose(runtime, "select", input, arguments, false, true);
}
Value reject_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  return choose(runtime, "reject", input, arguments, false, false);
}
Value selectattr_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  return choose(runtime, "selectattr", input, arguments, true, true);
}
Value rejectattr_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  return choose(runtime, "rejectattr", input, arguments, true, false);
}

constexpr Named<Filter> kFilters[] = {{"map", map_filter},
                                      {"select", select_filter},
                                      {"reject", reject_filter},
                                      {"selectattr", selectattr_filter},
                                      {"rejectattr", rejectattr_filter}};

}  // namespace

Filter find_select_filter(std::string_view name) { return look_up(kFilters, name); }

}  // namespace transom::text::jinja
