// SPDX-License-Identifier: Apache-2.0
/// From what schemas say to grammar rules: one rule for each schema, or set of schemas that hold together, so
/// that recursion in the schema is recursion in the grammar.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "generation/constraint/json_text.h"
#include "generation/constraint/schema_facts.h"

namespace transom::generation {

class SchemaCompiler {
 public:
  explicit SchemaCompiler(const io::Json& root) : reader_(root), text_(grammar_) {}

  Grammar run();

 private:
  /// A value that satisfies all of the schemas.
  NodeId value(const Conjunction& schemas);
  NodeId build(const SchemaFacts& facts, const text::JsonPath& path);
  NodeId build_alternatives(const SchemaFacts& facts, const text::JsonPath& path);
  NodeId build_values(const SchemaFacts& facts, unsigned types, const text::JsonPath& path);
  NodeId build_number(const SchemaFacts& facts, unsigned types, const text::JsonPath& path);
  NodeId build_multiples(const SchemaFacts& facts, std::int64_t low, std::int64_t high,
                         const text::JsonPath& path);
  NodeId build_string(const SchemaFacts& facts, const text::JsonPath& path);
  NodeId build_array(const SchemaFacts& facts);
  NodeId build_object(const SchemaFacts& facts, const text::JsonPath& path);

  /// How many properties beyond the named ones there may be.
  struct Counts {
    std::uint32_t min;
    std::uint32_t max;
  };
  std::vector<SchemaFacts::Property> all_properties(const SchemaFacts& facts) const;
  Counts further_counts(const SchemaFacts& facts, std::size_t named, bool further,
                        const text::JsonPath& path) const;
  NodeId further_member(const SchemaFacts& facts, const std::vector<SchemaFacts::Property>& named,
                        const text::JsonPath& path);
  /// What follows an opening bracket: a list of `min` to `max` elements, and the closing bracket.
  NodeId list_to_end(NodeId element, Counts counts, std::string_view bracket, bool is_first);
  RuleId add_inline_rule(const char* name);

  Grammar grammar_;
  SchemaReader reader_;
  JsonText text_;
  std::map<std::vector<const io::Json*>, RuleId> rules_;
  std::vector<std::pair<RuleId, Conjunction>> pending_;
  std::uint32_t alternatives_depth_ = 0;
};

}  // namespace transom::generation
