// SPDX-License-Identifier: Apache-2.0
#include "generation/speculation/speculation.h"

#include <algorithm>
#include <memory>

#include "generation/speculation/draft_length.h"
#include "generation/speculation/draft_model.h"
#include "generation/speculation/prompt_lookup.h"
#include "model/layers/rope.h"

namespace transom::generation {

namespace {

std::unique_ptr<Drafter> make_drafter(const Settings& settings) {
  const SpeculationSettings& speculation = settings.speculation;
  if (speculation.draft_model != nullptr)
    return std::make_unique<DraftModel>(*speculation.draft_model, settings.stop_token);
  return std::make_unique<PromptLookup>(speculation.ngram);
}

/// While a guess is being checked the sequence stands behind tokens that the text may never have. However
/// that ends, it is cut back to where a text stands whose last token is unread.
class CutBack {
 public:
  explicit CutBack(const Text& text) : text_(text) {}
  CutBack(const CutBack&) = delete;
  CutBack& operator=(const CutBack&) = delete;
  ~CutBack() {
    const auto read = static_cast<std::int64_t>(text_.tokens->size()) - 1;
    if (text_.sequence->position() > read) text_.sequence->truncate(read);
  }

 private:
  const Text& text_;
};

class Speculation {
 public:
  Speculation(const Text& text, const Call& call, Run& run)
      : text_(text),
        run_(run),
        most_(longest_draft(text, call.settings.speculation)),
        drafter_(make_drafter(call.settings)),
        length_(most_) {
    draft_.reserve(most_);
    ids_.reserve(most_ + 1);
  }

  /// One step of a run that has taken its first token.
  void step(std::span<float> logits) {
    draft();
    if (draft_.empty()) {
      run_.read(logits);
      return run_.take(logits);
    }
    check();
  }

 private:
  /// A ring can be cut back by less than a chunk.
  static std::size_t longest_draft(const Text& text, const SpeculationSettings& settings) {
    return static_cast<std::size_t>(std::min(settings.most, text.sequence->chunk() - 1));
  }

  void draft() {
    draft_.clear();
    // The last token of a run needs no guess: nothing is read behind it.
    const auto room = static_cast<std::size_t>(std::max<std::int64_t>(run_.room_for_tokens() - 1, 0));
    const std::size_t most = std::min(length_.next(), room);
    if (most == 0 || !same_rotation(most)) return;
    drafter_->draft(*text_.tokens, most, draft_);
    const auto vocab = text_.sequence->vocab();
    draft_.erase(std::ranges::find_if(draft_, [&](TokenId id) { return id >= vocab; }), draft_.end());
  }

  /// Where frequencies depend on the length of the text, a step that reaches a new length would rotate the
  /// keys of earlier tokens otherwise than steps of one token do.
  bool same_rotation(std::size_t drafted) const {
    const auto length = static_cast<std::int64_t>(text_.tokens->size());
    return model::same_frequencies(text_.sequence->transformer().spec().ropes, length,
                                   length + static_cast<std::int64_t>(drafted));
  }

  void check() {
    const auto vocab = static_cast<std::size_t>(text_.sequence->vocab());
    ids_.assign(1, run_.last_token());
    ids_.insert(ids_.end(), draft_.begin(), draft_.end());
    logits_.resize(std::max(logits_.size(), ids_.size() * vocab));
    std::size_t accepted = 0;
    {
      const CutBack cut_back(text_);
      text_.sequence->forward(ids_, true, std::span(logits_).first(ids_.size() * vocab));
      for (std::size_t row = 0; row < ids_.size() && run_.open(); ++row) {
        const std::size_t before = text_.tokens->size();
        run_.take(std::span(logits_).subspan(row * vocab, vocab));
        if (row == draft_.size() || text_.tokens->size() == before || run_.last_token() != draft_[row]) break;
        ++accepted;
      }
    }
    run_.count_draft(draft_.size(), accepted);
    length_.learn(draft_.size(), accepted);
  }

  const Text& text_;
  Run& run_;
  std::size_t most_;
  std::unique_ptr<Drafter> drafter_;
  DraftLength length_;
  std::vector<TokenId> draft_, ids_;
  std::vector<float> logits_;  // [1 + drafted, vocab]
};

}  // namespace

Generation run_speculatively(const Text& text, const Call& call, const TokenCallback& on_text,
                             std::span<float> logits) {
  Run run(text, call, on_text);
  if (run.open()) {
    run.read(logits);
    run.take(logits);
  }
  Speculation speculation(text, call, run);
  while (run.open()) speculation.step(logits);
  return run.finish();
}

}  // namespace transom::generation
