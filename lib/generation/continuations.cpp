// SPDX-License-Identifier: Apache-2.0
#include "generation/continuations.h"

#include <algorithm>

#include "core/checks.h"
#include "generation/scoring.h"
#include "transom/error.h"

namespace transom::generation {

namespace {

void check(const model::Sequence& sequence, std::span<const Continuation> texts) {
  for (std::size_t i = 0; i < texts.size(); ++i) {
    sequence.check_ids(texts[i].tokens, 0);
    if (texts[i].prompt == 0)
      throw InvalidArgument(
          core::message("score: expected at least one token before continuation ", i, ", found none"));
  }
}

Score score_of(const Continuation& text, std::span<const TokenLogprobs> tokens) {
  Score score;
  for (const TokenLogprobs& token : tokens) {
    score.logprob += static_cast<double>(token.logprob);
    score.logprobs.push_back(token.logprob);
    score.greedy = score.greedy && token.top.front().token == token.token;
  }
  score.tokens.assign(text.tokens.begin() + static_cast<std::ptrdiff_t>(text.prompt), text.tokens.end());
  return score;
}

}  // namespace

std::vector<Score> score_continuations(model::Sequence& sequence, std::span<const Continuation> texts) {
  check(sequence, texts);
  std::vector<Score> scores;
  std::vector<TokenId> read;  // what `sequence` has read
  for (const Continuation& text : texts) {
    const std::span<const TokenId> tokens = text.tokens;
    // The scores of the first token come out where the last one of the prompt is read, which each text does
    // anew.
    const std::span<const TokenId> prompt = tokens.first(text.prompt - 1);
    auto common = std::ranges::mismatch(prompt, read).in1 - prompt.begin();
    if (!sequence.can_truncate(common)) common = 0;
    sequence.truncate(common);
    if (static_cast<std::size_t>(common) < prompt.size())
      sequence.forward(prompt.subspan(static_cast<std::size_t>(common)), false, {});
    read.assign(prompt.begin(), prompt.end());
    // A ring that a long continuation would go round loses the prompt: then a copy goes on.
    std::unique_ptr<model::Sequence> copy;
    if (tokens.size() - prompt.size() > static_cast<std::size_t>(sequence.chunk())) {
      copy = sequence.sibling();
      copy->copy_from(sequence, 0);
    }
    scores.push_back(score_of(text, score_tokens(copy ? *copy : sequence, tokens, text.prompt, 1)));
  }
  return scores;
}

}  // namespace transom::generation
