// SPDX-License-Identifier: Apache-2.0
/// Nondeterministic automata with empty steps, as they come from a grammar's nodes, and the way from them to
/// states of an Automaton.
#pragma once

#include <optional>
#include <vector>

#include "generation/constraint/automaton.h"
#include "generation/constraint/limits.h"

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

/// What making states may still cost, for all rules together.
struct StateAllowance {
  std::size_t subset_steps = kMaxSubsetSteps;
  std::size_t plain_steps = kMaxPlainSteps;
};

/// Appends the states of an equal automaton without empty steps: a deterministic one, or, where that takes
/// too many steps, one state for each node. @return the entry.
/// @throws UnsupportedError beyond kMaxStates or kMaxPlainSteps.
StateId append_states(const Nfa& nfa, std::vector<State>& states, StateAllowance& allowance);

}  // namespace transom::generation
