// SPDX-License-Identifier: Apache-2.0
#include "generation/loop.h"

#include <memory>

#include "generation/speculation/speculation.h"

namespace transom::generation {

Generation run(const Text& text, const Call& call, const TokenCallback& on_text, std::span<float> logits) {
  if (call.settings.speculation.most > 0) return run_speculatively(text, call, on_text, logits);
  Run run(text, call, on_text);
  while (run.open()) {
    run.read(logits);
    run.take(logits);
  }
  return run.finish();
}

namespace {

/// Takes steps with all open runs together. Each has read its text and taken its first token, or ended.
std::vector<Generation> finish_together(std::span<const std::unique_ptr<Run>> runs) {
  std::vector<Run*> open;
  std::vector<model::Sequence*> sequences;
  std::vector<TokenId> ids;
  std::vector<float> logits;
  const auto vocab = static_cast<std::size_t>(runs.front()->sequence().vocab());
  while (true) {
    open.clear();
    sequences.clear();
    ids.clear();
    for (const auto& run : runs) {
      if (!run->open()) continue;
      open.push_back(run.get());
      sequences.push_back(&run->sequence());
      ids.push_back(run->last_token());
    }
    if (open.empty()) break;
    logits.resize(open.size() * vocab);
    model::Sequence::step(sequences, ids, logits);
    for (std::size_t i = 0; i < open.size(); ++i) open[i]->take(std::span(logits).subspan(i * vocab, vocab));
  }
  std::vector<Generation> results;
  for (const auto& run : runs) results.push_back(run->finish());
  return results;
}

}  // namespace

std::vector<Generation> run_batch(std::span<const Text> texts, std::span<const Call> calls,
                                  const BatchCallback& on_text) {
  std::vector<TokenCallback> callbacks(texts.size());
  std::vector<std::unique_ptr<Run>> runs;
  std::vector<float> logits(static_cast<std::size_t>(texts.front().sequence->vocab()));
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (on_text) callbacks[i] = [&on_text, i](std::string_view piece) { return on_text(i, piece); };
    runs.push_back(std::make_unique<Run>(texts[i], calls[i], callbacks[i]));
    if (!runs.back()->open()) continue;
    runs.back()->read(logits);
    runs.back()->take(logits);
  }
  return finish_together(runs);
}

std::vector<Generation> run_samples(const Text& text, const Call& call, std::span<float> logits) {
  const TokenCallback no_callback;
  const auto count = static_cast<std::size_t>(call.settings.num_return_sequences);
  const std::vector<TokenId> prompt = *text.tokens;
  std::vector<std::vector<TokenId>> tokens(count - 1, prompt);
  std::vector<std::unique_ptr<model::Sequence>> siblings;
  std::vector<std::unique_ptr<Run>> runs;
  runs.push_back(std::make_unique<Run>(text, call, no_callback));
  if (runs.front()->open()) runs.front()->read(logits);
  const std::vector<float> first(logits.begin(), logits.end());
  for (std::size_t i = 1; i < count; ++i) {
    siblings.push_back(text.sequence->sibling());
    siblings.back()->copy_from(*text.sequence, 0);
    runs.push_back(std::make_unique<Run>(
        Text{siblings.back().get(), &tokens[i - 1], text.prompt_begin, text.stream + i}, call, no_callback));
  }
  for (const auto& run : runs) {
    std::copy(first.begin(), first.end(), logits.begin());
    if (run->open()) run->take(logits);
  }
  return finish_together(runs);
}

}  // namespace transom::generation
