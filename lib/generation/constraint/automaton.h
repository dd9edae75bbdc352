// SPDX-License-Identifier: Apache-2.0
/// A grammar as a pushdown automaton over bytes.
///
/// Each rule is a finite automaton whose edges read a byte or call a rule. Most rules are deterministic: no
/// two byte edges of a state overlap. A loop is a counted repetition, `x{3,500}`, of a body in which no match
/// is the beginning of another (one character, one escape): its count lives in the configuration, not in 500
/// copies of the body, and so all states of the loop share their masks.
///
/// Trimmed: from every state the end of its rule can be reached, so a text that got this far can be finished.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "generation/constraint/grammar.h"

namespace transom::generation {

using StateId = std::uint32_t;
using LoopId = std::uint32_t;

inline constexpr std::uint32_t kNone = UINT32_MAX;

struct ByteEdge {
  std::uint8_t low;
  std::uint8_t high;
  StateId to;
  bool operator==(const ByteEdge&) const = default;
};

/// Reads a match of a rule or loop, then goes on at `to`.
struct CallEdge {
  RuleId rule = kNone;
  LoopId loop = kNone;  // one of the two is none
  StateId to = kNone;
  bool operator==(const CallEdge&) const = default;
};

struct State {
  std::vector<ByteEdge> bytes;  // ascending by `low`
  std::vector<CallEdge> calls;
  bool accepting = false;  // the rule may end here; of a loop's body: one repetition is complete
  bool in_loop = false;    // belongs to a loop's body
};

struct Loop {
  StateId entry;
  std::uint32_t min;
  std::uint32_t max;  // or kUnlimited
};

struct Automaton {
  std::vector<State> states;
  std::vector<StateId> rule_entry;  // by rule; kNone for a rule that is called nowhere
  std::vector<Loop> loops;
  StateId start = kNone;
};

/// @throws UnsupportedError when a rule calls itself before it reads anything (left recursion), or a limit is
///   exceeded; FormatError when no text matches.
Automaton build_automaton(const Grammar& grammar);

}  // namespace transom::generation
