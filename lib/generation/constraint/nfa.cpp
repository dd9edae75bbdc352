// SPDX-License-Identifier: Apache-2.0
#include "generation/constraint/nfa.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "core/checks.h"
#include "generation/constraint/limits.h"
#include "transom/error.h"

namespace transom::generation {

namespace {

using NodeSet = std::vector<StateId>;  // ascending

void check_state_count(std::size_t count) {
  if (count > kMaxStates) {
    throw UnsupportedError(core::message("the constraint takes more than ", kMaxStates, " states"));
  }
}

/// Sets of nodes closed under empty steps.
class Closure {
 public:
  explicit Closure(const Nfa& nfa) : nfa_(nfa), seen_(nfa.nodes.size()) {}

  /// The nodes reachable from `nodes` by empty steps that read or call something, or are the end: the others
  /// decide nothing.
  NodeSet of(const NodeSet& nodes) {
    ++round_;
    NodeSet work;
    for (const StateId node : nodes) visit(node, work);
    NodeSet out;
    while (!work.empty()) {
      const StateId node = work.back();
      work.pop_back();
      ++steps_;
      const Nfa::Node& from = nfa_.nodes[node];
      if (!from.bytes.empty() || !from.calls.empty() || node == nfa_.end) out.push_back(node);
      for (const StateId to : from.empty) visit(to, work);
    }
    std::sort(out.begin(), out.end());
    return out;
  }
  std::size_t steps() const { return steps_; }

 private:
  void visit(StateId node, NodeSet& work) {
    if (seen_[node] == round_) return;
    seen_[node] = round_;
    work.push_back(node);
  }

  const Nfa& nfa_;
  std::vector<std::uint32_t> seen_;
  std::uint32_t round_ = 0;
  std::size_t steps_ = 0;
};

/// The subset construction.
class Determiniser {
 public:
  Determiniser(const Nfa& nfa, std::vector<State>& states)
      : nfa_(nfa), closure_(nfa), states_(states), base_(states.size()) {}

  /// @return The entry, or nothing when it takes too long; the states are then as before.
  std::optional<StateId> run(std::size_t& allowance) {
    const StateId entry = state_of({nfa_.start});
    for (std::size_t i = 0; i < sets_.size(); ++i) {
      const NodeSet& set = *sets_[i];
      State state;
      state.accepting = std::binary_search(set.begin(), set.end(), nfa_.end);
      add_byte_edges(set, state);
      add_calls(set, state);
      states_[base_ + i] = std::move(state);
      if (closure_.steps() + steps_ > allowance) {
        allowance = 0;
        states_.resize(base_);
        return std::nullopt;
      }
      check_state_count(states_.size());
    }
    allowance -= closure_.steps() + steps_;
    return entry;
  }

 private:
  StateId state_of(const NodeSet& nodes) {
    const auto [at, is_new] =
        known_.try_emplace(closure_.of(nodes), static_cast<StateId>(base_ + sets_.size()));
    if (is_new) {
      sets_.push_back(&at->first);
      states_.emplace_back();
    }
    return at->second;
  }

  void add_byte_edges(const NodeSet& set, State& state) {
    // Each edge opens at `low` and closes behind `high`; between two such places the targets do not change.
    struct Event {
      unsigned at;
      bool opens;
      StateId to;
    };
    std::vector<Event> events;
    for (const StateId node : set) {
      for (const ByteEdge& edge : nfa_.nodes[node].bytes) {
        events.push_back({edge.low, true, edge.to});
        events.push_back({edge.high + 1u, false, edge.to});
      }
    }
    std::sort(events.begin(), events.end(), [](const Event& a, const Event& b) { return a.at < b.at; });
    std::map<StateId, int> open;
    for (std::size_t i = 0; i < events.size();) {
      const unsigned at = events[i].at;
      for (; i < events.size() && events[i].at == at; ++i) {
        int& count = open[events[i].to];
        count += events[i].opens ? 1 : -1;
        if (count == 0) open.erase(events[i].to);
      }
      if (open.empty() || i == events.size()) continue;
      NodeSet targets;
      for (const auto& [to, count] : open) targets.push_back(to);
      steps_ += targets.size();
      append(state.bytes, at, events[i].at - 1, state_of(targets));
    }
    steps_ += events.size();
  }

  static void append(std::vector<ByteEdge>& edges, unsigned low, unsigned high, StateId to) {
    if (!edges.empty() && edges.back().to == to && edges.back().high + 1u == low) {
      edges.back().high = static_cast<std::uint8_t>(high);
    } else {
      edges.push_back({static_cast<std::uint8_t>(low), static_cast<std::uint8_t>(high), to});
    }
  }

  void add_calls(const NodeSet& set, State& state) {
    std::map<std::pair<RuleId, LoopId>, NodeSet> targets;
    for (const StateId node : set) {
      for (const CallEdge& call : nfa_.nodes[node].calls) targets[{call.rule, call.loop}].push_back(call.to);
    }
    for (auto& [callee, nodes] : targets) {
      steps_ += nodes.size();
      state.calls.push_back({callee.first, callee.second, state_of(nodes)});
    }
  }

  const Nfa& nfa_;
  Closure closure_;
  std::vector<State>& states_;
  std::size_t base_;
  std::map<NodeSet, StateId> known_;
  std::vector<const NodeSet*> sets_;  // keys of known_
  std::size_t steps_ = 0;
};

/// One state for each node that an edge leads to.
StateId append_plain(const Nfa& nfa, std::vector<State>& states, std::size_t& allowance) {
  const auto base = static_cast<StateId>(states.size());
  check_state_count(states.size() + nfa.nodes.size());
  std::vector<bool> is_target(nfa.nodes.size());
  is_target[nfa.start] = true;
  for (const Nfa::Node& node : nfa.nodes) {
    for (const ByteEdge& edge : node.bytes) is_target[edge.to] = true;
    for (const CallEdge& call : node.calls) is_target[call.to] = true;
  }
  Closure closure(nfa);
  std::size_t n_edges = 0;
  for (StateId node = 0; node < nfa.nodes.size(); ++node) {
    State& state = states.emplace_back();
    if (!is_target[node]) continue;
    for (const StateId member : closure.of({node})) {
      state.accepting = state.accepting || member == nfa.end;
      const Nfa::Node& from = nfa.nodes[member];
      state.bytes.insert(state.bytes.end(), from.bytes.begin(), from.bytes.end());
      state.calls.insert(state.calls.end(), from.calls.begin(), from.calls.end());
    }
    n_edges += state.bytes.size() + state.calls.size();
    if (closure.steps() + n_edges > allowance) {
      throw UnsupportedError("the constraint takes too many steps to compile");
    }
    for (ByteEdge& edge : state.bytes) edge.to += base;
    for (CallEdge& call : state.calls) call.to += base;
    std::sort(state.bytes.begin(), state.bytes.end(),
              [](const ByteEdge& a, const ByteEdge& b) { return a.low < b.low; });
  }
  allowance -= closure.steps() + n_edges;
  return base + nfa.start;
}

}  // namespace

StateId append_states(const Nfa& nfa, std::vector<State>& states, StateAllowance& allowance) {
  if (const auto entry = Determiniser(nfa, states).run(allowance.subset_steps)) return *entry;
  return append_plain(nfa, states, allowance.plain_steps);
}

}  // namespace transom::generation
