// SPDX-License-Identifier: Apache-2.0
#include "generation/loop.h"

#include <algorithm>
#include <memory>

#include "generation/speculation/speculation.h"

namespace transom::generation {

Generation run(const Text& text, const Call& call, const TokenCallback& on_text, std::span<float> logits) {
  if (call.settings.speculation.most > 0) return run_speculatively(text, call, on_text, logits);
  Run run(text, call, on_text);
  while (run.open()) run.read_and_take(logits);
  return run.finish();
}

namespace {

/// Several runs that take their steps together. Each has read its text and taken its first token, or ended.
class Together {
 public:
  explicit Together(std::span<const std::unique_ptr<Run>> runs) : runs_(runs) {}

  std::vector<Generation> finish() {
    while (gather()) {
      if (std::ranges::all_of(open_, &Run::leaves_choice_to_device)) {
        step_on_device();
      } else {
        step();
      }
    }
    std::vector<Generation> results;
    for (const auto& run : runs_) results.push_back(run->finish());
    return results;
  }

 private:
  /// The runs that are open; false when none is.
  bool gather() {
    open_.clear();
    sequences_.clear();
    ids_.clear();
    for (const auto& run : runs_) {
      if (!run->open()) continue;
      open_.push_back(run.get());
      sequences_.push_back(&run->sequence());
      ids_.push_back(run->last_token());
    }
    return !open_.empty();
  }

  void step() {
    const auto vocab = static_cast<std::size_t>(open_.front()->sequence().vocab());
    logits_.resize(open_.size() * vocab);
    model::Sequence::step(sequences_, ids_, logits_);
    for (std::size_t i = 0; i < open_.size(); ++i)
      open_[i]->take(std::span(logits_).subspan(i * vocab, vocab));
  }

  void step_on_device() {
    choices_.clear();
    for (Run* run : open_) choices_.push_back(run->next_choice());
    chosen_.resize(open_.size());
    model::Sequence::step_and_choose(sequences_, ids_, choices_, chosen_);
    for (std::size_t i = 0; i < open_.size(); ++i) open_[i]->take_chosen(chosen_[i]);
  }

  std::span<const std::unique_ptr<Run>> runs_;
  // Of one step.
  std::vector<Run*> open_;
  std::vector<model::Sequence*> sequences_;
  std::vector<TokenId> ids_, chosen_;
  std::vector<model::TokenChoice> choices_;
  std::vector<float> logits_;
};

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
    runs.back()->read_and_take(logits);
  }
  return Together(runs).finish();
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
  return Together(runs).finish();
}

}  // namespace transom::generation
