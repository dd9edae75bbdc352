// SPDX-License-Identifier: Apache-2.0
/// The one form that schemas, expressions and grammars are compiled to: rules over characters.
///
/// Nodes live in an arena and are named by number. A node may be used in several places. Every builder checks
/// the limits of limits.h, so that no source can make a grammar that is too big.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "generation/constraint/char_set.h"

namespace transom::generation {

using NodeId = std::uint32_t;
using RuleId = std::uint32_t;

inline constexpr std::uint32_t kUnlimited = UINT32_MAX;

struct GrammarNode {
  enum class Kind { literal, set, sequence, choice, repeat, call };
  Kind kind;
  std::string literal = {};           // bytes
  std::vector<NodeId> children = {};  // of sequence and choice; one of repeat
  std::uint32_t index = 0;            // of the set or rule
  std::uint32_t min = 0;              // of repeat
  std::uint32_t max = 0;              // of repeat, or kUnlimited
};

class Grammar {
 public:
  NodeId literal(std::string_view bytes);
  NodeId empty() { return literal(""); }
  NodeId set(const CharSet& set);
  NodeId character(char32_t c) { return set(CharSet::of(c)); }
  NodeId sequence(std::vector<NodeId> parts);
  /// Without an alternative: matches nothing.
  NodeId choice(std::vector<NodeId> alternatives);
  /// @throws UnsupportedError when min or max is beyond kMaxRepetition.
  NodeId repeat(NodeId body, std::uint32_t min, std::uint32_t max);
  NodeId optional(NodeId body) { return repeat(body, 0, 1); }
  NodeId call(RuleId rule);

  /// A rule may be called before it is defined.
  /// @param name For messages.
  RuleId add_rule(std::string name);
  void define(RuleId rule, NodeId body) { rules_[rule].body = body; }
  /// Where such a rule is called last in another, its body is built in place, once for each caller: chains of
  /// rules then become one automaton and share their beginnings.
  void mark_inline(RuleId rule) { rules_[rule].is_inline = true; }

  const GrammarNode& node(NodeId id) const { return nodes_[id]; }
  const CharSet& char_set(std::uint32_t index) const { return sets_[index]; }
  NodeId body(RuleId rule) const { return rules_[rule].body; }
  const std::string& name(RuleId rule) const { return rules_[rule].name; }
  bool is_inline(RuleId rule) const { return rules_[rule].is_inline; }
  std::size_t rule_count() const { return rules_.size(); }

  RuleId root = 0;

 private:
  struct Rule {
    std::string name;
    NodeId body = 0;
    bool is_inline = false;
  };
  NodeId add(GrammarNode node);

  std::vector<GrammarNode> nodes_;
  std::vector<CharSet> sets_;
  std::vector<Rule> rules_;
  std::size_t literal_bytes_ = 0;
  std::size_t size_ = 0;  // nodes, their children and the ranges of sets
};

}  // namespace transom::generation
