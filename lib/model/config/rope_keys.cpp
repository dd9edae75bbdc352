// SPDX-License-Identifier: Apache-2.0
#include "model/config/rope_keys.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>

#include "core/checks.h"
#include "model/config/config_reader.h"
#include "transom/error.h"

namespace transom::model {

using core::message;

namespace {

constexpr const char* kScaling = "rope_scaling";
constexpr const char* kParameters = "rope_parameters";
// What transformers 4 writes beside rope_scaling.
constexpr const char* kBeside[] = {"rope_theta", "partial_rotary_factor"};
// May stand inside or beside; beside wins in a file.
constexpr const char* kOriginal = "original_max_position_embeddings";
constexpr const char* kAllKeys[] = {kScaling, kParameters, kBeside[0], kBeside[1], kOriginal};
constexpr const char* kLayerTypes[] = {"full_attention", "sliding_attention"};
constexpr std::string_view kTypeNames[] = {"rope_type", "type"};
constexpr std::string_view kMembers[] = {
    "factor",       kOriginal,        "attention_factor", "beta_fast",       "beta_slow",
    "mscale",       "mscale_all_dim", "truncate",         "low_freq_factor", "high_freq_factor",
    "short_factor", "long_factor",    "mrope_section"};

template <typename Names>
bool is_one_of(const Names& names, const std::string& name) {
  return std::ranges::find(names, name) != std::end(names);
}

bool is_nested(const Value::Map& map) {
  return std::ranges::any_of(map, [](const auto& member) { return is_one_of(kLayerTypes, member.first); });
}

/// The value of a member, or null.
Value member(const Value::Map& map, const std::string& name) {
  const auto found = map.find(name);
  return found == map.end() ? Value() : found->second;
}

Value::Map as_map(const Value& value) { return value.is_map() ? value.as<Value::Map>() : Value::Map(); }

/// The dictionary that is in force, as read_rope chooses.
Value::Map dictionary(const Value::Map& values) {
  Value::Map scaling = as_map(member(values, kScaling));
  return scaling.empty() ? as_map(member(values, kParameters)) : scaling;
}

/// Whether the changes are what `before` says of rope already, as when a whole configuration is written back.
bool changes_nothing(const Value::Map& before, const Value::Map& changes) {
  return std::ranges::all_of(kAllKeys, [&](const char* key) {
    return before.contains(key) == changes.contains(key) && member(before, key) == member(changes, key);
  });
}

/// Members that the dictionaries of a file have, whatever they mean.
std::set<std::string> members_of(const Value::Map& values) {
  std::set<std::string> names;
  const auto add = [&](const Value::Map& map) {
    for (const auto& [name, unused] : map) names.insert(name);
  };
  for (const char* key : {kScaling, kParameters}) {
    const Value::Map map = as_map(member(values, key));
    if (!is_nested(map)) add(map);
    for (const auto& [kind, nested] : map) add(as_map(nested));
  }
  return names;
}

/// @param allowed Members that may stay though no rope type knows them.
void check_members(const std::string& place, const Value& value, const std::set<std::string>& allowed) {
  if (!value.is_map()) throw InvalidArgument(message(place, ": expected a map, found ", shown(value)));
  const auto map = value.as<Value::Map>();
  bool typed = false, needs_type = false;
  for (const auto& [name, unused] : map) {
    if (is_one_of(kTypeNames, name)) {
      typed = true;
    } else if (is_one_of(kMembers, name)) {
      needs_type = true;
    } else if (!is_one_of(kBeside, name) && !allowed.contains(name)) {
      std::string list = "rope_type, rope_theta, partial_rotary_factor";
      for (const std::string_view known : kMembers) list += message(", ", known);
      throw InvalidArgument(message(place, ".", name, ": expected one of ", list, ", found \"", name, "\""));
    }
  }
  // transformers takes such a map for no scaling at all.
  if (needs_type && !typed)
    throw InvalidArgument(message(place, ".rope_type: expected a rope type, found none in ", shown(value)));
}

/// A map that a caller sets. Null removes it; what the file says already may be said again.
void check_change(const Value::Map& before, const Value::Map& changes, const char* key) {
  const Value change = member(changes, key);
  const Value::Map old = dictionary(before);
  if (change.is_null() || change == member(before, key) || change == Value(old)) return;
  const std::set<std::string> allowed = members_of(before);
  if (!is_nested(as_map(change))) return check_members(key, change, allowed);
  for (const auto& [kind, nested] : change.as<Value::Map>()) {
    const std::string place = message(key, ".", kind);
    if (!is_one_of(kLayerTypes, kind) && !member(old, kind).is_map()) {
      throw InvalidArgument(
          message(place, ": expected full_attention or sliding_attention, found \"", kind, "\""));
    }
    check_members(place, nested, allowed);
  }
}

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
  Value::Map kinds = old, result;
  if (nested) {
    for (const auto& [kind, unused] : as_map(scaling)) kinds.try_emplace(kind, Value::Map());
  }
  for (const auto& [kind, parameters] : kinds) {
    const Value here = nested ? member(as_map(scaling), kind) : scaling;
    const bool changed = changes.contains(kScaling) && (!nested || as_map(scaling).contains(kind));
    result.emplace(kind, scaling_of_kind(as_map(parameters), changed ? &here : nullptr, changes));
  }
  values.insert_or_assign(kScaling, std::move(result));
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

void change_flat(Value::Map old, const Value::Map& changes, Value::Map& values) {
  for (const char* name : kBeside) old.erase(name);
  if (!changes.contains(kScaling) && !old.empty()) values.insert_or_assign(kScaling, std::move(old));
}

void change_dictionaries(const Value::Map& before, const Value::Map& changes, Value::Map& values) {
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
  keep_beside(base, changes, values);
  if (const Value::Map old = dictionary(base); is_nested(old)) {
    change_nested(old, changes, values);
  } else {
    change_flat(old, changes, values);
  }
  values.erase(kParameters);
}

/// An original length inside a new dictionary wins over the one that the file has beside it, which goes into
/// the dictionaries of the kinds of layers that were given none.
void settle_original(const Value::Map& before, const Value::Map& changes, Value::Map& values) {
  const Value beside = member(before, kOriginal);
  if (beside.is_null() || changes.contains(kOriginal)) return;
  const Value::Map given = dictionary(changes);
  const auto has_own = [](const Value& map) { return !member(as_map(map), kOriginal).is_null(); };
  if (!is_nested(given)) {
    if (has_own(given)) values.erase(kOriginal);
    return;
  }
  if (std::ranges::none_of(given, [&](const auto& kind) { return has_own(kind.second); })) return;
  Value::Map result = dictionary(values);
  for (auto& [kind, map] : result) {
    if (has_own(member(given, kind))) continue;
    Value::Map here = as_map(map);
    here.insert_or_assign(kOriginal, beside);
    map = std::move(here);
  }
  values.insert_or_assign(as_map(member(values, kScaling)).empty() ? kParameters : kScaling,
                          std::move(result));
  values.erase(kOriginal);
}

}  // namespace

void settle_rope_keys(const Value::Map& before, const Value::Map& given, Value::Map& values) {
  if (changes_nothing(before, given)) return;
  check_change(before, given, kScaling);
  check_change(before, given, kParameters);
  Value::Map changes = given;
  // As in a file, a rope_scaling that says nothing leaves the word to rope_parameters.
  if (!as_map(member(changes, kParameters)).empty() && as_map(member(changes, kScaling)).empty())
    changes.erase(kScaling);
  change_dictionaries(before, changes, values);
  settle_original(before, changes, values);
}

}  // namespace transom::model
