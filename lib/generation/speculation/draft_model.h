// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <stop_token>

#include "generation/speculation/drafter.h"
#include "model/sequence/sequence.h"

namespace transom::generation {

/// A smaller model of the same vocabulary, which writes on greedily.
class DraftModel : public Drafter {
 public:
  /// @param model Outlives this object. @param stop Ends the reading of a long text; no guess comes then.
  DraftModel(const model::Transformer& model, std::stop_token stop);

  void draft(std::span<const TokenId> text, std::size_t most, std::vector<TokenId>& draft) override;

 private:
  std::stop_token stop_;
  std::unique_ptr<model::Sequence> sequence_;
  std::vector<TokenId> tokens_;  // of which the sequence has read the first position()
  std::vector<float> logits_;
};

}  // namespace transom::generation
