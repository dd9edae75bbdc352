// SPDX-License-Identifier: Apache-2.0
#include "generation/scoring.h"

#include <algorithm>

#include "generation/sampling/sampler.h"

namespace transom::generation {

std::vector<TokenLogprobs> score_tokens(model::Sequence& sequence, std::span<const TokenId> tokens,
                                        std::size_t first, int top, const std::function<bool()>& cancelled) {
  // Rows of logits held at once: enough to keep the head compute bound.
  constexpr std::size_t kRows = 64;
  std::vector<TokenLogprobs> scores;
  if (first >= tokens.size()) return scores;
  scores.reserve(tokens.size() - first);
  if (first == 0) scores.push_back({tokens[0], 0, {}});
  // The scores of a token come out where the one before it is read.
  std::size_t next = std::max(first, std::size_t{1}) - 1;
  if (static_cast<std::size_t>(sequence.position()) > next)
    sequence.truncate(static_cast<std::int64_t>(next));
  const auto unread = tokens.subspan(static_cast<std::size_t>(sequence.position()),
                                     next - static_cast<std::size_t>(sequence.position()));
  if (!unread.empty()) sequence.forward(unread, false, {});
  const auto vocab = static_cast<std::size_t>(sequence.vocab());
  std::vector<float> logits;
  while (next + 1 < tokens.size()) {
    if (cancelled && cancelled()) break;
    const std::size_t rows = std::min(kRows, tokens.size() - 1 - next);
    logits.resize(rows * vocab);
    sequence.forward(tokens.subspan(next, rows), true, logits);
    for (std::size_t i = 0; i < rows; ++i)
      scores.push_back(
          token_logprobs(std::span(logits).subspan(i * vocab, vocab), tokens[next + 1 + i], top));
    next += rows;
  }
  return scores;
}

}  // namespace transom::generation
