// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "generation/run.h"

namespace transom::generation {

/// Beam search (with groups: diverse beam search, Vijayakumar et al. 2018), greedy or stochastic.
/// @param text Its sequence reads the prompt; its tokens become those of the best text.
/// @return The num_return_sequences best texts, best first; fewer where fewer exist. The callback gets the
/// best one in one piece.
std::vector<Generation> beam_search(const Text& text, const Call& call, const TokenCallback& on_text);

}  // namespace transom::generation
