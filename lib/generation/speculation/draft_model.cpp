// SPDX-License-Identifier: Apache-2.0
#include "generation/speculation/draft_model.h"

#include <algorithm>
#include <utility>

#include "generation/run.h"

namespace transom::generation {

DraftModel::DraftModel(const model::Transformer& model, std::stop_token stop)
    : stop_(std::move(stop)),
      sequence_(std::make_unique<model::Sequence>(model, model::SequenceOptions{})),
      logits_(static_cast<std::size_t>(model.spec().vocab)) {}

void DraftModel::draft(std::span<const TokenId> text, std::size_t most, std::vector<TokenId>& draft) {
  draft.clear();
  const auto room = sequence_->context() - static_cast<std::int64_t>(text.size());
  if (room <= 0 || most == 0) return;
  most = std::min(most, static_cast<std::size_t>(room));
  // Of earlier guesses, what was wrong is forgotten. The last token is always read: its logits are needed.
  const auto agreed = std::min<std::int64_t>(
      std::ranges::mismatch(tokens_, text.first(text.size() - 1)).in1 - tokens_.begin(),
      sequence_->position());
  auto common = static_cast<std::size_t>(agreed);
  if (!sequence_->can_truncate(agreed)) common = 0;
  sequence_->truncate(static_cast<std::int64_t>(common));

  const auto known = [&](TokenId id) { return static_cast<std::size_t>(id) < logits_.size(); };
  if (!std::ranges::all_of(text.subspan(common), known))
    return;  // a larger vocabulary: padding, never written
  tokens_.assign(text.begin(), text.end());
  while (draft.size() < most) {
    if (!read_text({sequence_.get(), &tokens_}, stop_, logits_)) return draft.clear();
    draft.push_back(static_cast<TokenId>(std::ranges::max_element(logits_) - logits_.begin()));
    tokens_.push_back(draft.back());
  }
}

}  // namespace transom::generation
