// SPDX-License-Identifier: Apache-2.0
/// Nondeterministic automata with empty steps, as they come from a grammar's nodes, and the way from them to
/// states of an Automaton.
#pragma once

#include <optional>
#include <vector>

#include "generation/constraint/automaton.h"

namespace transom::generation {

struct Nfa {
  struct Node {
    std::vector<ByteEdge> bytes;
    std::vector<CallEdge> calls;
    std::vector<StateId> empty;  // steps that read nothing
  };
  std::vector<Node> nodes;
  StateId start = 0;
  StateId end = 0;
};

/// Appends the states of an equal automaton without empty steps: a deterministic one, or, where that takes
/// more than kMaxSubsetSteps, one state for each node. @return the entry.
StateId append_states(const Nfa& nfa, std::vector<State>& states);

}  // namespace transom::generation
