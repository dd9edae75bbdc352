// SPDX-License-Identifier: Apache-2.0
/// SchemaCompiler on arrays and objects. Both are chains of inline rules that run to the closing bracket, one
/// rule for each place in the list: so the whole list is one automaton, in which optional properties share
/// the beginnings of their names.
#include <algorithm>

#include "generation/constraint/limits.h"
#include "generation/constraint/schema_compiler.h"

namespace transom::generation {

namespace {

using text::JsonPath;

/// A list with an upper bound has one state for each element: longer ones are valid and never written.
constexpr std::uint32_t kLongestList = 4096;

std::uint32_t minus(std::uint32_t a, std::size_t b) {
  if (a == kUnlimited) return kUnlimited;
  return a > b ? a - static_cast<std::uint32_t>(b) : 0;
}

}  // namespace

RuleId SchemaCompiler::add_inline_rule(const char* name) {
  const RuleId rule = grammar_.add_rule(name);
  grammar_.mark_inline(rule);
  return rule;
}

NodeId SchemaCompiler::list_to_end(NodeId element, Counts counts, std::string_view bracket, bool is_first) {
  if (counts.min > counts.max) return grammar_.choice({});
  if (counts.max != kUnlimited) counts.max = std::max(counts.min, std::min(counts.max, kLongestList));
  const NodeId end = grammar_.literal(bracket);
  if (counts.max == 0) return end;
  const NodeId next = grammar_.sequence({text_.comma(), element});
  if (!is_first) return grammar_.sequence({grammar_.repeat(next, counts.min, counts.max), end});
  const std::uint32_t most = counts.max == kUnlimited ? kUnlimited : counts.max - 1;
  const NodeId some =
      grammar_.sequence({element, grammar_.repeat(next, std::max(counts.min, 1u) - 1, most), end});
  return counts.min == 0 ? grammar_.choice({end, some}) : some;
}

NodeId SchemaCompiler::build_array(const SchemaFacts& facts) {
  static const Conjunction kNoPrefix;
  const Conjunction& prefix = facts.prefix ? *facts.prefix : kNoPrefix;
  const NodeId item = facts.items ? value({*facts.items}) : text_.any_value();
  const auto n = static_cast<std::uint32_t>(prefix.size());
  RuleId rest = add_inline_rule("array");
  const Counts counts{minus(facts.min_items, n), minus(facts.max_items, n)};
  if (facts.min_items > facts.max_items) return grammar_.choice({});
  grammar_.define(rest, list_to_end(item, counts, "]", n == 0));
  for (std::uint32_t i = n; i > 0; --i) {
    const std::uint32_t before = i - 1;
    std::vector<NodeId> ways;
    if (before >= facts.min_items) ways.push_back(grammar_.literal("]"));
    if (before < facts.max_items) {
      std::vector<NodeId> parts;
      if (before > 0) parts.push_back(text_.comma());
      parts.insert(parts.end(), {value({prefix[before]}), grammar_.call(rest)});
      ways.push_back(grammar_.sequence(std::move(parts)));
    }
    rest = add_inline_rule("array");
    grammar_.define(rest, grammar_.choice(std::move(ways)));
  }
  const RuleId array = grammar_.add_rule("array");
  grammar_.define(array, grammar_.sequence({grammar_.literal("["), grammar_.call(rest)}));
  return grammar_.call(array);
}

std::vector<SchemaFacts::Property> SchemaCompiler::all_properties(const SchemaFacts& facts) const {
  std::vector<SchemaFacts::Property> properties = facts.properties;
  for (const std::string& name : facts.required) {
    if (facts.find(name) == nullptr) properties.push_back({name, {}});
  }
  for (SchemaFacts::Property& property : properties) {
    for (const SchemaFacts::Further& further : facts.further) {
      const bool named =
          std::find(further.named.begin(), further.named.end(), property.name) != further.named.end();
      if (!named) property.value.push_back(*further.schema);
    }
  }
  return properties;
}

SchemaCompiler::Counts SchemaCompiler::further_counts(const SchemaFacts& facts, std::size_t named,
                                                      bool further, const JsonPath& path) const {
  const std::size_t required = facts.required.size();
  if (named == required) {
    if (!further) return {minus(facts.min_properties, named), 0};
    return {minus(facts.min_properties, named),
            facts.max_properties < named ? 0 : minus(facts.max_properties, named)};
  }
  const bool says_nothing = facts.min_properties <= required && facts.max_properties >= named &&
                            (!further || facts.max_properties == kUnlimited);
  if (!says_nothing)
    path.unsupported("minProperties and maxProperties beside optional properties are not supported");
  return {0, further ? kUnlimited : 0};
}

NodeId SchemaCompiler::further_member(const SchemaFacts& facts,
                                      const std::vector<SchemaFacts::Property>& named, const JsonPath& path) {
  NodeId key;
  Conjunction schemas;
  if (facts.named_by_pattern) {
    if (!named.empty()) {
      path.member("patternProperties").unsupported("beside other properties this is not supported");
    }
    key = text_.string_matching(facts.named_by_pattern->first);
    schemas.push_back(facts.named_by_pattern->second);
  } else {
    std::vector<std::string> names;
    for (const SchemaFacts::Property& property : named) names.push_back(property.name);
    key = text_.string_except(names);
    for (const SchemaFacts::Further& further : facts.further) schemas.push_back(*further.schema);
  }
  return grammar_.sequence({key, text_.colon(), value(schemas)});
}

NodeId SchemaCompiler::build_object(const SchemaFacts& facts, const JsonPath& path) {
  const std::vector<SchemaFacts::Property> properties = all_properties(facts);
  const bool all_named = properties.size() == facts.properties.size();
  if (facts.closed && !all_named) return grammar_.choice({});
  const bool further = !facts.closed && (facts.properties.empty() || !facts.further.empty());
  const NodeId member = further || facts.named_by_pattern ? further_member(facts, properties, path) : 0;
  const Counts counts = further_counts(facts, properties.size(), further, path);
  if (facts.max_properties < facts.required.size()) return grammar_.choice({});
  // `first`: no member was written yet; `more`: one was, so a comma comes next.
  RuleId first = add_inline_rule("object");
  RuleId more = add_inline_rule("object");
  grammar_.define(first, list_to_end(member, counts, "}", true));
  grammar_.define(more, list_to_end(member, counts, "}", false));
  for (auto property = properties.rbegin(); property != properties.rend(); ++property) {
    const NodeId name = grammar_.literal(json_string(property->name));
    const NodeId pair = grammar_.sequence({name, text_.colon(), value(property->value), grammar_.call(more)});
    const RuleId first_here = add_inline_rule("object");
    const RuleId more_here = add_inline_rule("object");
    std::vector<NodeId> first_ways{pair};
    std::vector<NodeId> more_ways{grammar_.sequence({text_.comma(), pair})};
    if (!facts.requires_property(property->name)) {
      first_ways.push_back(grammar_.call(first));
      more_ways.push_back(grammar_.call(more));
    }
    grammar_.define(first_here, grammar_.choice(std::move(first_ways)));
    grammar_.define(more_here, grammar_.choice(std::move(more_ways)));
    first = first_here;
    more = more_here;
  }
  const RuleId object = grammar_.add_rule("object");
  grammar_.define(object, grammar_.sequence({grammar_.literal("{"), grammar_.call(first)}));
  return grammar_.call(object);
}

}  // namespace transom::generation
