// SPDX-License-Identifier: Apache-2.0
#include "api/score.h"

#include <algorithm>

#include "generation/continuations.h"

namespace transom::api {

namespace {

/// With a sequence that is no longer than the texts.
std::vector<Score> score_texts(const ModelImpl& model, std::span<const generation::Continuation> texts) {
  if (texts.empty()) return {};
  std::int64_t longest = 1;
  for (const auto& text : texts) longest = std::max(longest, static_cast<std::int64_t>(text.tokens.size()));
  model::SequenceOptions options;
  options.max_context = std::min(longest, model::default_context(model.transformer->spec()));
  model::Sequence sequence(*model.transformer, options);
  return generation::score_continuations(sequence, texts);
}

}  // namespace

std::vector<Score> score(const ModelImpl& model, std::string_view prompt,
                         std::span<const std::string> continuations) {
  const Tokenizer& tokenizer = model.require_tokenizer();
  const std::string_view spaces = " \t\n\v\f\r";
  const std::size_t words_end = prompt.find_last_not_of(spaces) + 1;  // 0 when there is nothing else
  const std::vector<TokenId> own = tokenizer.encode(prompt.substr(0, words_end));
  std::vector<generation::Continuation> texts;
  for (const std::string& continuation : continuations) {
    std::vector<TokenId> ids = tokenizer.encode(std::string(prompt) + continuation);
    // Not the number of the prompt's tokens: where the last ones merge with the continuation, it would leave
    // less to score, or nothing, and nothing is certain.
    const auto border = static_cast<std::size_t>(std::ranges::mismatch(ids, own).in1 - ids.begin());
    texts.push_back({std::move(ids), border});
  }
  return score_texts(model, texts);
}

std::vector<Score> score(const ModelImpl& model, std::span<const TokenId> prompt,
                         std::span<const std::vector<TokenId>> continuations) {
  std::vector<generation::Continuation> texts;
  for (const std::vector<TokenId>& continuation : continuations) {
    texts.push_back({{prompt.begin(), prompt.end()}, prompt.size()});
    texts.back().tokens.insert(texts.back().tokens.end(), continuation.begin(), continuation.end());
  }
  return score_texts(model, texts);
}

}  // namespace transom::api
