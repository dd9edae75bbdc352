// SPDX-License-Identifier: Apache-2.0
#include "generation/constraint/automaton.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "core/checks.h"
#include "generation/constraint/automaton_checks.h"
#include "generation/constraint/limits.h"
#include "generation/constraint/nfa.h"
#include "transom/error.h"

namespace transom::generation {

namespace {

using Kind = GrammarNode::Kind;

/// Repetitions up to this number are written out; more become a loop where the body allows it.
constexpr std::uint32_t kWrittenOut = 8;

/// Turns grammar nodes into one Nfa. Every node is built between two given ones and adds only edges out of
/// `from` and into `to`, so that neighbours do not disturb each other.
class NfaBuilder {
 public:
  /// Says how a repetition that is not written out is called: as a loop, or as a call of its body for each
  /// time.
  struct Repetitions {
    virtual std::optional<LoopId> loop(NodeId body, std::uint32_t min, std::uint32_t max) = 0;
    virtual std::optional<RuleId> rule_of_body(NodeId body, std::uint32_t min, std::uint32_t max) = 0;
    virtual ~Repetitions() = default;
  };

  /// @param steps Taken so far, by all builders of a grammar.
  NfaBuilder(const Grammar& grammar, Repetitions* repetitions, std::size_t& steps)
      : grammar_(grammar), repetitions_(repetitions), steps_(steps) {
    nfa_.start = add_node();
    nfa_.end = add_node();
  }

  Nfa run(NodeId node) {
    build(node, nfa_.start, nfa_.end);
    while (!pending_.empty()) {
      const auto [rule, entry] = pending_.back();
      pending_.pop_back();
      build(grammar_.body(rule), entry, nfa_.end);
    }
    return std::move(nfa_);
  }

 private:
  void count_step() {
    if (++steps_ <= kMaxBuildSteps) return;
    throw UnsupportedError(core::message("the constraint takes more than ", kMaxBuildSteps,
                                         " states (a large repetition of more than one character?)"));
  }
  StateId add_node() {
    count_step();
    nfa_.nodes.emplace_back();
    return static_cast<StateId>(nfa_.nodes.size() - 1);
  }
  void add_empty(StateId from, StateId to) { nfa_.nodes[from].empty.push_back(to); }
  void add_byte(StateId from, std::uint8_t low, std::uint8_t high, StateId to) {
    nfa_.nodes[from].bytes.push_back({low, high, to});
  }

  /// Recursion is as deep as the source is nested (kMaxNesting).
  void build(NodeId id, StateId from, StateId to) {
    count_step();
    const GrammarNode& node = grammar_.node(id);
    switch (node.kind) {
      case Kind::literal:
        return build_literal(node.literal, from, to);
      case Kind::set:
        return build_set(grammar_.char_set(node.index), from, to);
      case Kind::sequence:
        return build_sequence(node.children, from, to);
      case Kind::choice:
        for (const NodeId child : node.children) build(child, from, to);
        return;
      case Kind::repeat:
        return build_repeat(node, from, to);
      case Kind::call:
        return build_call(node.index, from, to);
    }
  }

  void build_literal(const std::string& bytes, StateId from, StateId to) {
    if (bytes.empty()) return add_empty(from, to);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const StateId next = i + 1 == bytes.size() ? to : add_node();
      const auto byte = static_cast<std::uint8_t>(bytes[i]);
      add_byte(from, byte, byte, next);
      from = next;
    }
  }

  void build_set(const CharSet& set, StateId from, StateId to) {
    const Utf8Graph graph = utf8_graph(set);
    std::vector<StateId> nodes(graph.nodes.size());
    for (std::size_t i = 0; i < nodes.size(); ++i) nodes[i] = i == graph.start ? from : add_node();
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      for (const Utf8Edge& edge : graph.nodes[i]) {
        add_byte(nodes[i], edge.low, edge.high, edge.to == kUtf8End ? to : nodes[edge.to]);
      }
    }
  }

  void build_sequence(const std::vector<NodeId>& parts, StateId from, StateId to) {
    if (parts.empty()) return add_empty(from, to);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const StateId next = i + 1 == parts.size() ? to : add_node();
      build(parts[i], from, next);
      from = next;
    }
  }

  void build_repeat(const GrammarNode& node, StateId from, StateId to) {
    const NodeId body = node.children[0];
    std::optional<RuleId> rule;
    if (repetitions_ != nullptr) {
      if (const std::optional<LoopId> loop = repetitions_->loop(body, node.min, node.max)) {
        nfa_.nodes[from].calls.push_back({.loop = *loop, .to = to});
        return;
      }
      rule = repetitions_->rule_of_body(body, node.min, node.max);
    }
    const auto once = [&](StateId begin, StateId end) {
      if (!rule) return build(body, begin, end);
      nfa_.nodes[begin].calls.push_back({.rule = *rule, .to = end});
    };
    for (std::uint32_t i = 0; i < node.min; ++i) {
      const StateId next = add_node();
      once(from, next);
      from = next;
    }
    if (node.max == kUnlimited) {
      const StateId again = add_node();
      add_empty(from, again);
      once(again, again);
      from = again;
    } else {
      for (std::uint32_t i = node.min; i < node.max; ++i) {
        const StateId next = add_node();
        once(from, next);
        add_empty(from, to);
        from = next;
      }
    }
    add_empty(from, to);
  }

  void build_call(RuleId rule, StateId from, StateId to) {
    if (!grammar_.is_inline(rule) || to != nfa_.end) {
      nfa_.nodes[from].calls.push_back({.rule = rule, .to = to});
      return;
    }
    const auto [at, is_new] = inlined_.try_emplace(rule, kNone);
    if (is_new) {
      at->second = add_node();
      pending_.emplace_back(rule, at->second);
    }
    add_empty(from, at->second);
  }

  const Grammar& grammar_;
  Repetitions* repetitions_;
  Nfa nfa_;
  std::map<RuleId, StateId> inlined_;
  std::vector<std::pair<RuleId, StateId>> pending_;
  std::size_t& steps_;
};

class AutomatonBuilder final : NfaBuilder::Repetitions {
 public:
  explicit AutomatonBuilder(const Grammar& grammar) : grammar_(grammar) {}

  Automaton run() {
    automaton_.rule_entry.assign(grammar_.rule_count(), kNone);
    wanted_.resize(grammar_.rule_count());
    want(grammar_.root);
    while (!pending_.empty()) {
      const RuleId rule = pending_.back();
      pending_.pop_back();
      const NodeId body =
          rule < grammar_.rule_count() ? grammar_.body(rule) : body_rules_[rule - grammar_.rule_count()];
      const Nfa nfa = NfaBuilder(grammar_, this, steps_).run(body);
      automaton_.rule_entry[rule] = append_states(nfa, automaton_.states, allowance_);
      for (const Nfa::Node& node : nfa.nodes) {
        for (const CallEdge& call : node.calls) {
          if (call.rule != kNone) want(call.rule);
        }
      }
    }
    automaton_.start = automaton_.rule_entry[grammar_.root];
    trim(automaton_);
    check_left_recursion(automaton_, grammar_);
    return std::move(automaton_);
  }

 private:
  void want(RuleId rule) {
    if (wanted_[rule]) return;
    wanted_[rule] = true;
    pending_.push_back(rule);
  }

  static bool is_long(std::uint32_t min, std::uint32_t max) {
    return (max == kUnlimited ? min : max) > kWrittenOut;
  }

  std::optional<LoopId> loop(NodeId body, std::uint32_t min, std::uint32_t max) override {
    if (!is_long(min, max)) return std::nullopt;
    const std::optional<StateId> entry = loop_body(body);
    if (!entry) return std::nullopt;
    const auto [at, is_new] =
        loops_.try_emplace(std::tuple(body, min, max), static_cast<LoopId>(automaton_.loops.size()));
    if (is_new) automaton_.loops.push_back({*entry, min, max});
    return at->second;
  }

  /// A body that is more than a few characters is built once and called: its states then share their masks.
  std::optional<RuleId> rule_of_body(NodeId body, std::uint32_t min, std::uint32_t max) override {
    if (!is_long(min, max) || grammar_.node(body).kind == Kind::call || regular_size(body) <= kSmallBody) {
      return std::nullopt;
    }
    const auto [at, is_new] =
        rule_of_body_.try_emplace(body, static_cast<RuleId>(automaton_.rule_entry.size()));
    if (is_new) {
      body_rules_.push_back(body);
      automaton_.rule_entry.push_back(kNone);
      wanted_.push_back(false);
    }
    return at->second;
  }

  std::optional<StateId> loop_body(NodeId body) {
    if (const auto known = bodies_.find(body); known != bodies_.end()) return known->second;
    std::optional<StateId>& entry = bodies_[body];
    if (regular_size(body) > kMaxBodySize) return entry;
    const Nfa nfa = NfaBuilder(grammar_, nullptr, steps_).run(body);
    std::vector<State>& states = automaton_.states;
    const std::size_t begin = states.size();
    const StateId start = append_states(nfa, states, allowance_);
    if (counts_clearly(begin, start)) {
      for (std::size_t i = begin; i < states.size(); ++i) states[i].in_loop = true;
      entry = start;
    } else {
      states.resize(begin);
    }
    return entry;
  }

  /// Whether the states appended last read matches of which none is the beginning of another: then a text has
  /// one way to be counted.
  bool counts_clearly(std::size_t begin, StateId start) const {
    const std::vector<State>& states = automaton_.states;
    bool any_end = false;
    for (std::size_t i = begin; i < states.size(); ++i) {
      const State& state = states[i];
      if (state.accepting && (!state.bytes.empty() || i == start)) return false;
      any_end = any_end || state.accepting;
      for (std::size_t edge = 0; edge < state.bytes.size(); ++edge) {
        if (state.bytes[edge].to == start) return false;  // would look like a finished repetition
        if (edge > 0 && state.bytes[edge].low <= state.bytes[edge - 1].high) return false;
      }
    }
    return any_end;
  }

  /// The number of nodes that a body without calls takes, or more than kMaxBodySize.
  std::size_t regular_size(NodeId id) const {
    const GrammarNode& node = grammar_.node(id);
    std::size_t size = 1;
    if (node.kind == Kind::call) return kMaxBodySize + 1;
    if (node.kind == Kind::literal) return 1 + node.literal.size();
    if (node.kind == Kind::set) return 1 + grammar_.char_set(node.index).ranges().size();
    for (const NodeId child : node.children) {
      size += regular_size(child);
      if (size > kMaxBodySize) return size;
    }
    if (node.kind == Kind::repeat) size *= node.max == kUnlimited ? node.min + 1 : std::max(1u, node.max);
    return size;
  }

  static constexpr std::size_t kMaxBodySize = 4096;
  static constexpr std::size_t kSmallBody = 16;

  const Grammar& grammar_;
  Automaton automaton_;
  StateAllowance allowance_;
  std::size_t steps_ = 0;  // of all NfaBuilders
  std::vector<RuleId> pending_;
  std::vector<bool> wanted_;        // by rule
  std::vector<NodeId> body_rules_;  // the bodies that became rules, numbered behind those of the grammar
  std::map<NodeId, RuleId> rule_of_body_;
  std::map<NodeId, std::optional<StateId>> bodies_;
  std::map<std::tuple<NodeId, std::uint32_t, std::uint32_t>, LoopId> loops_;
};

}  // namespace

Automaton build_automaton(const Grammar& grammar) { return AutomatonBuilder(grammar).run(); }

}  // namespace transom::generation
