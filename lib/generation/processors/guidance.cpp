// SPDX-License-Identifier: Apache-2.0
#include "generation/processors/guidance.h"

#include "generation/sampling/sampler.h"

namespace transom::generation {

Guidance::Guidance(const Settings& settings, const model::Sequence& sequence)
    : scale_(settings.guidance_scale),
      unread_(settings.negative_prompt),
      negative_(sequence.sibling()),
      negative_logits_(static_cast<std::size_t>(sequence.vocab())) {}

void Guidance::apply(std::span<const TokenId> so_far, std::span<float> logits) {
  if (negative_->position() > 0 || unread_.empty()) unread_.assign(1, so_far.back());
  negative_->forward(unread_, false, negative_logits_);
  log_softmax(logits);
  log_softmax(negative_logits_);
  for (std::size_t i = 0; i < logits.size(); ++i)
    logits[i] = scale_ * (logits[i] - negative_logits_[i]) + negative_logits_[i];
}

}  // namespace transom::generation
