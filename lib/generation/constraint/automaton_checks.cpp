// SPDX-License-Identifier: Apache-2.0
#include "generation/constraint/automaton_checks.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/checks.h"
#include "transom/error.h"

namespace transom::generation {

namespace {

/// Finds the states from which the end of their rule can be reached, reading bytes or (reading = false)
/// without reading any.
class EndReach {
 public:
  EndReach(const Automaton& automaton, bool reading)
      : automaton_(automaton), reached_(automaton.states.size()) {
    waiting_.resize(automaton.states.size());
    for (StateId id = 0; id < automaton.states.size(); ++id) {
      const State& state = automaton.states[id];
      if (reading) {
        for (const ByteEdge& edge : state.bytes) waiting_[edge.to].push_back({id, kNone});
      }
      for (const CallEdge& call : state.calls) {
        const StateId entry = entry_of(call);
        waiting_[call.to].push_back({id, entry});
        if (entry != kNone) waiting_[entry].push_back({id, call.to});
      }
    }
  }

  std::vector<bool> run() {
    std::vector<StateId> work;
    const auto reach = [&](StateId id) {
      if (reached_[id]) return;
      reached_[id] = true;
      work.push_back(id);
    };
    for (StateId id = 0; id < automaton_.states.size(); ++id) {
      if (automaton_.states[id].accepting) reach(id);
    }
    while (!work.empty()) {
      const StateId id = work.back();
      work.pop_back();
      for (const auto& [from, other] : waiting_[id]) {
        if (other == kNone || reached_[other]) reach(from);
      }
    }
    return std::move(reached_);
  }

 private:
  /// What must be reached besides the edge's target; kNone when nothing must.
  StateId entry_of(const CallEdge& call) const {
    if (call.rule != kNone) return automaton_.rule_entry[call.rule];
    const Loop& loop = automaton_.loops[call.loop];
    return loop.min == 0 ? kNone : loop.entry;
  }

  struct Waiting {
    StateId from;
    StateId other;  // is reached only if this is too
  };

  const Automaton& automaton_;
  std::vector<bool> reached_;
  std::vector<std::vector<Waiting>> waiting_;  // by state
};

/// The rules that a rule may call before anything is read.
class LeftCalls {
 public:
  LeftCalls(const Automaton& automaton, const std::vector<bool>& empty_from)
      : automaton_(automaton), empty_from_(empty_from), seen_(automaton.states.size(), kNone) {}

  std::vector<RuleId> of(RuleId rule) {
    std::vector<RuleId> out;
    std::vector<StateId> work{automaton_.rule_entry[rule]};
    while (!work.empty()) {
      const StateId id = work.back();
      work.pop_back();
      if (seen_[id] == rule) continue;
      seen_[id] = rule;
      for (const CallEdge& call : automaton_.states[id].calls) {
        if (call.rule != kNone) out.push_back(call.rule);
        const bool may_be_empty = call.rule != kNone ? empty_from_[automaton_.rule_entry[call.rule]]
                                                     : automaton_.loops[call.loop].min == 0;
        if (may_be_empty) work.push_back(call.to);
      }
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
  }

 private:
  const Automaton& automaton_;
  const std::vector<bool>& empty_from_;
  std::vector<RuleId> seen_;
};

}  // namespace

void trim(Automaton& automaton) {
  const std::vector<bool> good = EndReach(automaton, true).run();
  if (!good[automaton.start]) throw FormatError("no text can ever match");
  for (State& state : automaton.states) {
    std::erase_if(state.bytes, [&](const ByteEdge& edge) { return !good[edge.to]; });
    std::erase_if(state.calls, [&](const CallEdge& call) {
      const StateId entry =
          call.rule != kNone ? automaton.rule_entry[call.rule] : automaton.loops[call.loop].entry;
      return !good[call.to] || !good[entry];
    });
  }
}

void check_left_recursion(const Automaton& automaton, const Grammar& grammar) {
  const std::vector<bool> empty_from = EndReach(automaton, false).run();
  LeftCalls left_calls(automaton, empty_from);
  enum class Mark : std::uint8_t { unseen, open, done };
  std::vector<Mark> marks(automaton.rule_entry.size(), Mark::unseen);
  struct Visit {
    RuleId rule;
    std::vector<RuleId> calls;
  };
  for (RuleId first = 0; first < marks.size(); ++first) {
    if (automaton.rule_entry[first] == kNone || marks[first] != Mark::unseen) continue;
    std::vector<Visit> path;
    path.push_back({first, left_calls.of(first)});
    marks[first] = Mark::open;
    while (!path.empty()) {
      if (path.back().calls.empty()) {
        marks[path.back().rule] = Mark::done;
        path.pop_back();
        continue;
      }
      const RuleId next = path.back().calls.back();
      path.back().calls.pop_back();
      if (marks[next] == Mark::open) {
        const std::string name = next < grammar.rule_count() ? grammar.name(next) : "(a repetition)";
        throw UnsupportedError(
            core::message("rule \"", name, "\" calls itself before anything is read (left recursion)"));
      }
      if (marks[next] == Mark::unseen) {
        marks[next] = Mark::open;
        path.push_back({next, left_calls.of(next)});
      }
    }
  }
}

}  // namespace transom::generation
