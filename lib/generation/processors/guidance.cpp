// SPDX-License-Identifier: Apache-2.0
#include "generation/processors/guidance.h"

#include <algorithm>

#include "generation/sampling/sampler.h"

namespace transom::generation {

namespace {

/// As long as the negative prompt and the new tokens, which may be longer or shorter than the text itself.
std::unique_ptr<model::Sequence> make_sequence(const Settings& settings, const model::Sequence& sequence) {
  const model::Transformer& transformer = sequence.transformer();
  const auto prompt = std::max<std::int64_t>(1, static_cast<std::int64_t>(settings.negative_prompt.size()));
  model::SequenceOptions options;
  options.max_context =
      std::min(prompt + settings.max_new_tokens, model::default_context(transformer.spec()));
  options.prefill_chunk = sequence.chunk();
  return std::make_unique<model::Sequence>(transformer, options);
}

}  // namespace

Guidance::Guidance(const Settings& settings, const model::Sequence& sequence)
    : scale_(settings.guidance_scale),
      unread_(settings.negative_prompt),
      negative_(make_sequence(settings, sequence)),
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
