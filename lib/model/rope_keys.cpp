// SPDX-License-Identifier: Apache-2.0
#include "model/rope_keys.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "core/checks.h"
#include "transom/error.h"

namespace transom::model {

using core::message;

namespace {

constexpr const char* kScaling = "rope_scaling";
constexpr const char* kParameters = "rope_parameters";
// What transformers 4 writes beside rope_scaling.
constexpr const char* kBeside[] = {"rope_theta", "partial_rotary_factor"};
constexpr const char* kLayerTypes[] = {"full_attention", "sliding_attention"};
constexpr std::string_view kTypeNames[] = {"rope_type", "type"};
constexpr std::string_view kMembers[] = {"factor",           "original_max_position_embeddings",
                                         "attention_factor", "beta_fast",
                                         "beta_slow",        "mscale",
                                         "mscale_all_dim",   "truncate",
                                         "low_freq_factor",  "high_freq_factor",
                                         "short_factor",     "long_factor",
                                         "mrope_section"};

template <typename Names>
bool is_one_of(const Names& names, const std::string& name) {
  return std::ranges::find(names, name) != std::end(names);
}

bool is_nested(const Value::Map& map) {
  return std::ranges::any_of(map, [](const auto& member) { return is_one_of(kLayerTypes, member.first); });
}

void check_members(const std::string& place, const Value& value) {
  if (!value.is_map()) throw InvalidArgument(message(place, ": expected a map, found ", value.to_json()));
  const auto map = value.as<Value::Map>();
  bool typed = false, needs_type = false;
  for (const auto& [name, member] : map) {
    if (is_one_of(kTypeNames, name)) {
      typed = true;
    } else if (is_one_of(kMembers, name)) {
      needs_type = true;
    } else if (!is_one_of(kBeside, name)) {
      std::string list = "rope_type, rope_theta, partial_rotary_factor";
      for (const std::string_view known : kMembers) list += message(", ", known);
      throw InvalidArgument(message(place, ".", name, ": expected one of ", list, ", found \"", name, "\""));
    }
  }
  // transformers takes such a map for no scaling at all.
  if (needs_type && !typed)
    throw InvalidArgument(
        message(place, ".rope_type: expected a rope type, found none in ", value.to_json()));
}

/// A map that a caller sets. Null removes it.
void check_change(const Value::Map& changes, const char* key) {
  const auto found = changes.find(key);
  if (found == changes.end() || found->second.is_null()) return;
  if (!found->second.is_map() || !is_nested(found->second.as<Value::Map>()))
    return check_members(key, found->second);
  for (const auto& [name, nested] : found->second.as<Value::Map>())
    check_members(message(key, ".", name), nested);
}

/// The value of a member, or null.
Value member(const Value::Map& map, const std::string& name) {
  const auto found = map.find(name);
  return found == map.end() ? Value() : found->second;
}

Value::Map as_map(const Value& value) { return value.is_map() ? value.as<Value::Map>() : Value::Map(); }

/// The scaling of one kind of layer: the new one, if there is one, with the theta of the old one.
Value::Map scaling_of_kind(const Value::Map& old, const Value* scaling, const Value::Map& changes) {
  Value::Map here = scaling != nullptr ? as_map(*scaling) : old;
  for (const char* name : kBeside) {
    if (scaling != nullptr && here.contains(name)) continue;
    const auto& from = changes.contains(name) ? changes : old;
    if (from.contains(name)) here.insert_or_assign(name, from.at(name));
  }
  return here;
}

void change_nested(const Value::Map& old, const Value::Map& changes, Value::Map& values) {
  const Value scaling = member(changes, kScaling);
  const bool nested = is_nested(as_map(scaling));
  Value::Map result;
  for (const auto& [kind, parameters] : old) {
    const Value here = nested ? member(as_map(scaling), kind) : scaling;
    const bool changed = changes.contains(kScaling) && (!nested || as_map(scaling).contains(kind));
    result.emplace(kind, scaling_of_kind(as_map(parameters), changed ? &here : nullptr, changes));
  }
  values.insert_or_assign(kScaling, std::move(result));
}

/// The dictionary that is in force, as read_rope chooses.
Value::Map dictionary(const Value::Map& values) {
  Value::Map scaling = as_map(member(values, kScaling));
  return scaling.empty() ? as_map(member(values, kParameters)) : scaling;
}

/// rope_theta or partial_rotary_factor as read_rope finds it: inside the dictionary, beside it, or inside the
/// one that lost. Null where the family's default is in force.
Value value_beside(const Value::Map& values, const char* name) {
  for (const Value& found : {member(dictionary(values), name), member(values, name),
                             member(as_map(member(values, kParameters)), name)}) {
    if (!found.is_null()) return found;
  }
  return {};
}

/// Writes those that are not changed beside the dictionary.
void keep_beside(const Value::Map& before, const Value::Map& changes, Value::Map& values) {
  for (const char* name : kBeside) {
    const Value found = value_beside(before, name);
    if (!changes.contains(name) && !found.is_null()) values.insert_or_assign(name, found);
  }
}

void change_flat(const Value::Map& before, const Value::Map& changes, Value::Map& values) {
  keep_beside(before, changes, values);
  Value::Map old = dictionary(before);
  for (const char* name : kBeside) old.erase(name);
  if (!changes.contains(kScaling) && !old.empty()) values.insert_or_assign(kScaling, std::move(old));
}

}  // namespace

void settle_rope_keys(const Value::Map& before, const Value::Map& changes, Value::Map& values) {
  check_change(changes, kScaling);
  check_change(changes, kParameters);
  Value::Map base = before;
  if (changes.contains(kParameters)) {
    if (!is_nested(dictionary(before))) keep_beside(before, changes, base);
    base.insert_or_assign(kParameters, changes.at(kParameters));
    base.erase(kScaling);
    keep_beside(base, changes, values);
    if (!changes.contains(kScaling)) values.erase(kScaling);
  }
  if (!changes.contains(kScaling) &&
      std::ranges::none_of(kBeside, [&](const char* name) { return changes.contains(name); }))
    return;
  if (const Value::Map old = dictionary(base); is_nested(old)) {
    change_nested(old, changes, values);
  } else {
    change_flat(base, changes, values);
  }
  values.erase(kParameters);
}

}  // namespace transom::model
