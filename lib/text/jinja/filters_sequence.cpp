// SPDX-License-Identifier: Apache-2.0
/// Filters of lists and dicts, apart from those that choose or sort.

#include "text/jinja/filters.h"
#include "text/jinja/lookup.h"
#include "text/jinja/members.h"
#include "text/jinja/operators.h"
#include "text/jinja/printing.h"
#include "text/jinja/strings.h"

namespace transom::text::jinja {

using core::message;

namespace {

Value generator(Runtime& runtime, std::vector<Value> items) {
  return runtime.list(std::move(items), Sequence::Type::generator);
}

Value default_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const auto [fallback, boolean] = bind<2>(runtime, "default", arguments, {"default_value", "boolean"}, 0);
  const bool replaced = input.is_undefined() || (flag_or(boolean, false) && !truth(input));
  if (!replaced) return input;
  return fallback != nullptr ? *fallback : Value(std::string());
}

Value length_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  bind<0>(runtime, "length", arguments, {}, 0);
  return Value(length_of(runtime, input));
}

Value list_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  bind<0>(runtime, "list", arguments, {}, 0);
  return runtime.list(items_of(runtime, input));
}

Value items_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  bind<0>(runtime, "items", arguments, {}, 0);
  if (input.is_undefined()) return generator(runtime, {});
  if (!input.is(Kind::dict)) runtime.fail(message("items expects a dict, found ", input.type_name()));
  std::vector<Value> items;
  for (const auto& [key, value] : input.dict().items) items.push_back(runtime.tuple({key, value}));
  return generator(runtime, std::move(items));
}

Value join_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const auto [separator, attribute] = bind<2>(runtime, "join", arguments, {"d", "attribute"}, 0);
  const std::string between = text_or(runtime, separator, "");
  const AttributePath path(runtime, attribute);
  std::string out;
  bool first = true;
  for (Value& item : items_of(runtime, input)) {
    const std::string text = to_text(runtime, path.of(runtime, std::move(item)));
    runtime.charge(text.size() + between.size());
    if (!first) out += between;
    first = false;
    out += text;
  }
  return runtime.string(std::move(out));
}

Value first_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  bind<0>(runtime, "first", arguments, {}, 0);
  Iteration iteration(runtime, input);
  Value item;
  return iteration.next(item) ? item : Value::undefined("the first item of an empty sequence");
}

Value last_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  bind<0>(runtime, "last", arguments, {}, 0);
  if (input.is(Kind::sequence) && input.sequence().type == Sequence::Type::generator) {
    runtime.fail("last expects a list, found a generator");
  }
  std::vector<Value> items = items_of(runtime, input);
  return items.empty() ? Value::undefined("the last item of an empty sequence") : std::move(items.back());
}

Value reverse_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  bind<0>(runtime, "reverse", arguments, {}, 0);
  const std::vector<Value> forward = items_of(runtime, input);
  std::vector<Value> items(forward.rbegin(), forward.rend());
  if (!input.is_string()) return generator(runtime, std::move(items));
  std::string out;
  for (const Value& item : items) out += item.string();
  return runtime.string(std::move(out));
}

Value attr_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const auto [name] = bind<1>(runtime, "attr", arguments, {"name"}, 1);
  if (!name->is_string()) runtime.fail("attr expects a name");
  // Attributes only: a dict's keys are none.
  if (input.is(Kind::dict) && find_method(runtime, input, name->string()) == nullptr) {
    return Value::undefined(message("'dict object' has no attribute '", clipped(name->string()), "'"));
  }
  return attribute_of(runtime, input, name->string());
}

Value batch_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const auto [count, fill] = bind<2>(runtime, "batch", arguments, {"linecount", "fill_with"}, 1);
  const std::int64_t size = integer_or(runtime, "batch", count, 1);
  if (size < 1) runtime.fail("batch expects a positive size");
  std::vector<Value> batches;
  std::vector<Value> batch;
  for (Value& item : items_of(runtime, input)) {
    if (static_cast<std::int64_t>(batch.size()) == size)
      batches.push_back(runtime.list(std::exchange(batch, {})));
    batch.push_back(std::move(item));
  }
  if (!batch.empty()) {
    while (fill != nullptr && !fill->is_none() && static_cast<std::int64_t>(batch.size()) < size) {
      runtime.charge(sizeof(Value));
      batch.push_back(*fill);
    }
    batches.push_back(runtime.list(std::move(batch)));
  }
  return generator(runtime, std::move(batches));
}

Value slice_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const auto [count, fill] = bind<2>(runtime, "slice", arguments, {"slices", "fill_with"}, 1);
  const std::int64_t slices = integer_or(runtime, "slice", count, 1);
  if (slices < 1) runtime.fail("slice expects a positive number");
  const std::vector<Value> items = items_of(runtime, input);
  const auto size = static_cast<std::int64_t>(items.size());
  std::vector<Value> out;
  auto begin = items.begin();
  for (std::int64_t i = 0; i < slices; ++i) {
    const bool longer = i < size % slices;
    const auto end = begin + static_cast<std::ptrdiff_t>(size / slices + (longer ? 1 : 0));
    std::vector<Value> part(begin, end);
    if (fill != nullptr && !fill->is_none() && !longer) part.push_back(*fill);
    out.push_back(runtime.list(std::move(part)));
    begin = end;
  }
  return generator(runtime, std::move(out));
}

constexpr Named<Filter> kFilters[] = {
    {"default", default_filter}, {"d", default_filter},   {"length", length_filter},
    {"count", length_filter},    {"list", list_filter},   {"items", items_filter},
    {"join", join_filter},       {"first", first_filter}, {"last", last_filter},
    {"reverse", reverse_filter}, {"attr", attr_filter},   {"batch", batch_filter},
    {"slice", slice_filter},
};

}  // namespace

Filter find_sequence_filter(std::string_view name) { return look_up(kFilters, name); }

}  // namespace transom::text::jinja
