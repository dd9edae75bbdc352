// SPDX-License-Identifier: Apache-2.0
/// Length, slices and iteration.
#include <algorithm>

#include "text/jinja/operators.h"
#include "text/jinja/strings.h"
#include "text/utf8.h"

namespace transom::text::jinja {

using core::message;

namespace {

/// One bound of a slice.
std::optional<std::int64_t> bound(Runtime& runtime, const Value* value) {
  if (value == nullptr || value->is_none()) return std::nullopt;
  if (const auto whole = value->as_integer()) return whole;
  if (value->is_undefined()) runtime.fail(value->problem());
  runtime.fail(message("the bounds of a slice are integers or none, found ", value->type_name()));
}

/// The indices that a slice names, as Python counts them.
std::vector<std::size_t> slice_indices(Runtime& runtime, std::int64_t size, const Value* start_value,
                                       const Value* stop_value, const Value* step_value) {
  const std::int64_t step = bound(runtime, step_value).value_or(1);
  if (step == 0) runtime.fail("the step of a slice is not 0");
  const std::int64_t lowest = step > 0 ? 0 : -1;
  const std::int64_t highest = step > 0 ? size : size - 1;
  const auto clamp = [&](std::optional<std::int64_t> given, std::int64_t fallback) {
    if (!given) return fallback;
    const std::int64_t index = *given < 0 ? std::max(*given, -size - 1) + size : *given;
    return std::clamp(index, lowest, highest);
  };
  const std::int64_t start = clamp(bound(runtime, start_value), step > 0 ? lowest : highest);
  const std::int64_t stop = clamp(bound(runtime, stop_value), step > 0 ? highest : lowest);
  std::vector<std::size_t> indices;
  for (std::int64_t i = start; step > 0 ? i < stop : i > stop;) {
    runtime.step();
    indices.push_back(static_cast<std::size_t>(i));
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return indices;
}

Value slice_string(Runtime& runtime, const std::string& text, const Value* start, const Value* stop,
                   const Value* step) {
  const std::size_t size = text_length(text);
  runtime.step(text.size() / 256);
  if (step == nullptr && size == text.size()) {  // ASCII, and the usual case
    const auto from = [&](const Value* value, std::int64_t fallback) {
      const auto n = static_cast<std::int64_t>(size);
      const std::int64_t index = bound(runtime, value).value_or(fallback);
      return static_cast<std::size_t>(
          std::clamp(index < 0 ? std::max(index, -n) + n : index, std::int64_t{0}, n));
    };
    const std::size_t begin = from(start, 0);
    const std::size_t end = from(stop, static_cast<std::int64_t>(size));
    return runtime.string(begin < end ? text.substr(begin, end - begin) : std::string());
  }
  runtime.charge(size * sizeof(std::size_t));
  std::vector<std::size_t> offsets;
  for (std::size_t i = 0; i < text.size(); i += utf8_length(text[i])) offsets.push_back(i);
  std::string out;
  for (const std::size_t i : slice_indices(runtime, static_cast<std::int64_t>(size), start, stop, step)) {
    out.append(text, offsets[i], utf8_length(text[offsets[i]]));
  }
  return runtime.string(std::move(out));
}

}  // namespace

std::int64_t length_of(Runtime& runtime, const Value& value) {
  switch (value.kind()) {
    case Kind::undefined:
      return 0;
    case Kind::string:
      runtime.step(value.string().size() / 256);
      return static_cast<std::int64_t>(text_length(value.string()));
    case Kind::dict:
      return static_cast<std::int64_t>(value.dict().items.size());
    case Kind::sequence:
      if (value.sequence().type != Sequence::Type::generator) {
        return static_cast<std::int64_t>(value.sequence().items.size());
      }
      break;
    default:
      break;
  }
  runtime.fail(message("a value of type ", value.type_name(), " has no length"));
}

Value slice(Runtime& runtime, const Value& object, const Value* start, const Value* stop, const Value* step) {
  if (object.is_string()) return slice_string(runtime, object.string(), start, stop, step);
  if (object.is_undefined()) runtime.fail(object.problem());
  if (!object.is(Kind::sequence) || !object.sequence().indexable()) {
    runtime.fail(message("a value of type ", object.type_name(), " cannot be sliced"));
  }
  const std::vector<Value>& items = object.sequence().items;
  std::vector<Value> out;
  for (const std::size_t i :
       slice_indices(runtime, static_cast<std::int64_t>(items.size()), start, stop, step)) {
    out.push_back(items[i]);
  }
  return runtime.list(std::move(out), object.sequence().type, "range(...)");
}

bool is_iterable(const Value& value) {
  return value.is_undefined() || value.is_string() || value.is(Kind::sequence) || value.is(Kind::dict);
}

Iteration::Iteration(Runtime& runtime, Value value) : runtime_(runtime), value_(std::move(value)) {
  if (!is_iterable(value_)) {
    runtime.fail(message("a value of type ", value_.type_name(), " cannot be iterated"));
  }
}

bool Iteration::next(Value& out) {
  runtime_.step();
  if (value_.is(Kind::sequence)) {
    const Sequence& sequence = value_.sequence();
    std::size_t& at = sequence.type == Sequence::Type::generator ? sequence.consumed : at_;
    if (at >= sequence.items.size()) return false;
    out = sequence.items[at++];
    return true;
  }
  if (value_.is(Kind::dict)) {
    if (at_ >= value_.dict().items.size()) return false;
    out = value_.dict().items[at_++].first;
    return true;
  }
  if (!value_.is_string() || at_ >= value_.string().size()) return false;
  const std::size_t length = utf8_length(value_.string()[at_]);
  out = runtime_.string(value_.string().substr(at_, length));
  at_ += length;
  return true;
}

std::vector<Value> items_of(Runtime& runtime, const Value& value) {
  std::vector<Value> items;
  Iteration iteration(runtime, value);
  for (Value item; iteration.next(item);) {
    runtime.charge(sizeof(Value));
    items.push_back(std::move(item));
  }
  return items;
}

}  // namespace transom::text::jinja
