// SPDX-License-Identifier: Apache-2.0
/// sort, dictsort, unique, min, max, groupby.
#include <algorithm>

#include "text/jinja/filters.h"
#include "text/jinja/lookup.h"
#include "text/jinja/operators.h"
#include "text/jinja/strings.h"

namespace transom::text::jinja {

using core::message;

namespace {

/// What is compared: text in lower case, unless case counts.
Value sort_key(Runtime& runtime, Value value, bool case_sensitive) {
  if (case_sensitive || !value.is_string()) return value;
  runtime.charge(value.string().size());
  return runtime.string(lower(value.string()));
}

struct Keyed {
  Value key;
  Value item;
};

/// A stable sort. Equal items keep their order in reverse too, as in Python.
void sort_keyed(Runtime& runtime, std::vector<Keyed>& items, bool reverse) {
  std::stable_sort(items.begin(), items.end(), [&](const Keyed& a, const Keyed& b) {
    return reverse ? less(runtime, b.key, a.key) : less(runtime, a.key, b.key);
  });
}

Value sort_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const auto [reverse, case_flag, attribute] =
      bind<3>(runtime, "sort", arguments, {"reverse", "case_sensitive", "attribute"}, 0);
  const bool case_sensitive = flag_or(case_flag, false);
  std::vector<AttributePath> paths;
  if (attribute != nullptr && attribute->is_string()) {
    const std::string& names = attribute->string();
    for (std::size_t begin = 0; begin <= names.size();) {
      const std::size_t end = std::min(names.find(',', begin), names.size());
      const Value name = runtime.string(names.substr(begin, end - begin));
      paths.emplace_back(runtime, &name);
      begin = end + 1;
    }
  } else {
    paths.emplace_back(runtime, attribute);
  }
  std::vector<Keyed> keyed;
  for (Value& item : items_of(runtime, input)) {
    std::vector<Value> key;
    for (const AttributePath& path : paths) {
      key.push_back(sort_key(runtime, path.of(runtime, item), case_sensitive));
    }
    keyed.push_back({runtime.list(std::move(key)), std::move(item)});
  }
  sort_keyed(runtime, keyed, flag_or(reverse, false));
  std::vector<Value> out;
  for (Keyed& one : keyed) out.push_back(std::move(one.item));
  return runtime.list(std::move(out));
}

Value dictsort_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const auto [case_flag, by, reverse] =
      bind<3>(runtime, "dictsort", arguments, {"case_sensitive", "by", "reverse"}, 0);
  const std::string order = text_or(runtime, by, "key");
  if (order != "key" && order != "value") runtime.fail("dictsort sorts by \"key\" or \"value\"");
  if (input.is_undefined()) runtime.fail(input.problem());
  if (!input.is(Kind::dict)) runtime.fail(message("dictsort expects a dict, found ", input.type_name()));
  std::vector<Keyed> keyed;
  for (const auto& [key, value] : input.dict().items) {
    keyed.push_back({sort_key(runtime, order == "key" ? key : value, flag_or(case_flag, false)),
                     runtime.tuple({key, value})});
  }
  sort_keyed(runtime, keyed, flag_or(reverse, false));
  std::vector<Value> out;
  for (Keyed& one : keyed) out.push_back(std::move(one.item));
  return runtime.list(std::move(out));
}

Value unique_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const auto [case_flag, attribute] =
      bind<2>(runtime, "unique", arguments, {"case_sensitive", "attribute"}, 0);
  const AttributePath path(runtime, attribute);
  std::vector<Dict::Item> seen;  // as keys, so that what cannot be a key is refused as in Python
  std::vector<Value> out;
  for (Value& item : items_of(runtime, input)) {
    const std::size_t n_before = seen.size();
    put_item(runtime, seen, sort_key(runtime, path.of(runtime, item), flag_or(case_flag, false)), Value());
    if (seen.size() > n_before) out.push_back(std::move(item));
  }
  return runtime.list(std::move(out), Sequence::Type::generator);
}

Value extreme(Runtime& runtime, std::string_view filter, const Value& input, const Arguments& arguments,
              bool largest) {
  const auto [case_flag, attribute] = bind<2>(runtime, filter, arguments, {"case_sensitive", "attribute"}, 0);
  const AttributePath path(runtime, attribute);
  Keyed best;
  bool found = false;
  for (Value& item : items_of(runtime, input)) {
    Keyed one{sort_key(runtime, path.of(runtime, item), flag_or(case_flag, false)), item};
    const bool better =
        !found || (largest ? less(runtime, best.key, one.key) : less(runtime, one.key, best.key));
    if (better) best = std::move(one);
    found = true;
  }
  return found ? best.item : Value::undefined("no item to choose from, the sequence is empty");
}

Value min_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  return extreme(runtime, "min", input, arguments, false);
}
Value max_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  return extreme(runtime, "max", input, arguments, true);
}

/// Pairs of a value and the items that have it.
Value groupby_filter(Runtime& runtime, const Value& input, const Arguments& arguments) {
  const auto [attribute, fallback, case_flag] =
      bind<3>(runtime, "groupby", arguments, {"attribute", "default", "case_sensitive"}, 1);
  const AttributePath path(runtime, attribute);
  std::vector<Keyed> keyed;
  for (Value& item : items_of(runtime, input)) {
    keyed.push_back({sort_key(runtime, path.of(runtime, item, fallback), flag_or(case_flag, false)), item});
  }
  sort_keyed(runtime, keyed, false);
  std::vector<Value> groups;
  for (std::size_t begin = 0; begin < keyed.size();) {
    std::size_t end = begin;
    std::vector<Value> items;
    while (end < keyed.size() && equals(runtime, keyed[begin].key, keyed[end].key)) {
      items.push_back(keyed[end++].item);
    }
    if (end == begin) items.push_back(keyed[end++].item);  // a value that does not equal itself
    const Value name = path.of(runtime, items.front(), fallback);
    groups.push_back(runtime.tuple({name, runtime.list(std::move(items))}));
    begin = end;
  }
  return runtime.list(std::move(groups));
}

constexpr Named<Filter> kFilters[] = {{"sort", sort_filter},     {"dictsort", dictsort_filter},
                                      {"unique", unique_filter}, {"min", min_filter},
                                      {"max", max_filter},       {"groupby", groupby_filter}};

}  // namespace

Filter find_order_filter(std::string_view name) { return look_up(kFilters, name); }

}  // namespace transom::text::jinja
