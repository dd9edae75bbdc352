// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>

#include "generation/constraint/mask_maker.h"

namespace transom::generation {

/// The body of a compiled constraint.
class Constraint {
 public:
  Constraint(Automaton automaton, std::shared_ptr<const TokenTable> table)
      : automaton_(std::make_shared<const Automaton>(std::move(automaton))), table_(std::move(table)) {}

  /// For a new text. Texts share what the others have computed until that has become too much; then new ones
  /// share a fresh start, and the old one goes when its last text does.
  std::shared_ptr<MaskMaker> masks() const {
    const std::lock_guard lock(mutex_);
    if (masks_ == nullptr || masks_->worn()) masks_ = std::make_shared<MaskMaker>(automaton_, table_);
    return masks_;
  }

 private:
  std::shared_ptr<const Automaton> automaton_;
  std::shared_ptr<const TokenTable> table_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<MaskMaker> masks_;
};

}  // namespace transom::generation
