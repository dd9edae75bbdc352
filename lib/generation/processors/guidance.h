// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "generation/settings.h"
#include "model/sequence/sequence.h"

namespace transom::generation {

/// Classifier-free guidance (Sanchez et al. 2023): the same model reads the negative prompt and the generated
/// tokens, and the text moves away from what it says:
///   log p' = scale * (log p - log p_negative) + log p_negative
class Guidance {
 public:
  /// @param sequence Of the text: the same model reads the negative prompt.
  Guidance(const Settings& settings, const model::Sequence& sequence);

  /// Whether the context holds another token behind the negative prompt.
  bool has_room() const { return negative_->position() < negative_->context(); }

  /// @param so_far Prompt and generated ids. Calls follow each other with one more id each time.
  void apply(std::span<const TokenId> so_far, std::span<float> logits);

 private:
  float scale_;
  std::vector<TokenId> unread_;  // what the negative sequence reads next
  std::unique_ptr<model::Sequence> negative_;
  std::vector<float> negative_logits_;
};

}  // namespace transom::generation
