// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "generation/constraint/automaton.h"

namespace transom::generation {

/// Removes every edge after which the end of the rule can no longer be reached.
/// @throws FormatError when that leaves nothing: no text matches.
void trim(Automaton& automaton);

/// @throws UnsupportedError naming a rule that calls itself, directly or through others, before anything is
///   read: a reader from left to right would never return.
void check_left_recursion(const Automaton& automaton, const Grammar& grammar);

}  // namespace transom::generation
