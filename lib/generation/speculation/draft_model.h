// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "generation/speculation/drafter.h"
#include "model/sequence.h"

namespace transom::generation {

/// A smaller model of the same vocabulary, which writes on greedily.
class DraftModel : public Drafter {
 public:
  /// @param model Outlives this object.
  explicit DraftModel(const model::Transformer& model);

  void draft(std::span<const TokenId> text, std::size_t most, std::vector<TokenId>& draft) override;

 private:
  void read(std::span<const TokenId> ids);

  std::unique_ptr<model::Sequence> sequence_;
  std::vector<TokenId> read_;  // what the sequence holds
  std::vector<float> logits_;
};

}  // namespace transom::generation
