// SPDX-License-Identifier: Apache-2.0
#include "generation/constraint/grammar.h"

#include <utility>

#include "core/checks.h"
#include "generation/constraint/limits.h"
#include "transom/error.h"

namespace transom::generation {

NodeId Grammar::add(GrammarNode node) {
  size_ += 1 + node.children.size();
  if (size_ > kMaxGrammarNodes) {
    throw UnsupportedError(core::message("the constraint has more than ", kMaxGrammarNodes, " parts"));
  }
  nodes_.push_back(std::move(node));
  return static_cast<NodeId>(nodes_.size() - 1);
}

NodeId Grammar::literal(std::string_view bytes) {
  literal_bytes_ += bytes.size();
  if (literal_bytes_ > kMaxLiteralBytes) {
    throw UnsupportedError(
        core::message("the constraint has more than ", kMaxLiteralBytes, " bytes of text"));
  }
  return add({.kind = GrammarNode::Kind::literal, .literal = std::string(bytes)});
}

NodeId Grammar::set(const CharSet& set) {
  size_ += set.ranges().size();
  sets_.push_back(set);
  return add({.kind = GrammarNode::Kind::set, .index = static_cast<std::uint32_t>(sets_.size() - 1)});
}

NodeId Grammar::sequence(std::vector<NodeId> parts) {
  if (parts.size() == 1) return parts[0];
  return add({.kind = GrammarNode::Kind::sequence, .children = std::move(parts)});
}

NodeId Grammar::choice(std::vector<NodeId> alternatives) {
  if (alternatives.size() == 1) return alternatives[0];
  return add({.kind = GrammarNode::Kind::choice, .children = std::move(alternatives)});
}

NodeId Grammar::repeat(NodeId body, std::uint32_t min, std::uint32_t max) {
  for (const std::uint32_t count : {min, max}) {
    if (count != kUnlimited && count > kMaxRepetition) {
      throw UnsupportedError(
          core::message("expected a repetition of at most ", kMaxRepetition, ", found ", count));
    }
  }
  return add({.kind = GrammarNode::Kind::repeat, .children = {body}, .min = min, .max = max});
}

NodeId Grammar::call(RuleId rule) { return add({.kind = GrammarNode::Kind::call, .index = rule}); }

RuleId Grammar::add_rule(std::string name) {
  rules_.push_back({.name = std::move(name)});
  if (rules_.size() > kMaxGrammarNodes) {
    throw UnsupportedError(core::message("the constraint has more than ", kMaxGrammarNodes, " rules"));
  }
  return static_cast<RuleId>(rules_.size() - 1);
}

}  // namespace transom::generation
