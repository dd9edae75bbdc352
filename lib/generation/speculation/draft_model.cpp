// SPDX-License-Identifier: Apache-2.0
#include "generation/speculation/draft_model.h"

#include <algorithm>
#include <utility>

namespace transom::generation {

DraftModel::DraftModel(const model::Transformer& model, std::stop_token stop)
    : stop_(std::move(stop)),
      sequence_(std::make_unique<model::Sequence>(model, model::SequenceOptions{})),
      logits_(static_cast<std::size_t>(model.spec().vocab)) {}

bool DraftModel::read(std::span<const TokenId> ids) {
  while (!ids.empty()) {
    if (stop_.stop_requested()) return false;
    const auto part = ids.first(std::min(ids.size(), static_cast<std::size_t>(sequence_->chunk())));
    sequence_->forward(part, false, logits_);
    read_.insert(read_.end(), part.begin(), part.end());
    ids = ids.subspan(part.size());
  }
  return true;
}

void DraftModel::draft(std::span<const TokenId> text, std::size_t most, std::vector<TokenId>& draft) {
  draft.clear();
  const auto room = sequence_->context() - static_cast<std::int64_t>(text.size());
  if (room <= 0 || most == 0) return;
  most = std::min(most, static_cast<std::size_t>(room));
  // Of earlier guesses, what was wrong is forgotten. The last token is always read: its logits are needed.
  const auto agreed = std::ranges::mismatch(read_, text.first(text.size() - 1)).in1 - read_.begin();
  auto common = static_cast<std::size_t>(agreed);
  if (!sequence_->can_truncate(agreed)) common = 0;
  sequence_->truncate(static_cast<std::int64_t>(common));
  read_.resize(common);

  std::span<const TokenId> unread = text.subspan(common);
  const auto known = [&](TokenId id) { return static_cast<std::size_t>(id) < logits_.size(); };
  if (!std::ranges::all_of(unread, known)) return;  // a larger vocabulary: padding that is never written
  while (true) {
    if (!read(unread)) return draft.clear();
    draft.push_back(static_cast<TokenId>(std::ranges::max_element(logits_) - logits_.begin()));
    if (draft.size() == most) return;
    unread = std::span(draft).last(1);
  }
}

}  // namespace transom::generation
