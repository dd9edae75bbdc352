// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "model/sequence/sequence.h"
#include "transom/scoring.h"

namespace transom::generation {

/// A text of which the tokens from `prompt` on are to be scored.
struct Continuation {
  std::vector<TokenId> tokens;
  std::size_t prompt = 0;  // tokens before them: one at least
};

/// Scores each continuation. What a text has in common with the one before it is not read again.
/// @param sequence Empty, with room for the longest text.
/// @throws InvalidArgument, before anything is read, for ids outside the vocabulary and for texts that are
/// too
///   long or have no prompt.
std::vector<Score> score_continuations(model::Sequence& sequence, std::span<const Continuation> texts);

}  // namespace transom::generation
