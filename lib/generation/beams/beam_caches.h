// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "model/sequence/sequence.h"
#include "transom/tokenizer.h"

namespace transom::generation {

/// The sequences of all beams, one a slot. When beams move, a slot takes over only what it does not hold yet.
class BeamCaches {
 public:
  /// @param prompt Has read the prompt; must outlive the object.
  BeamCaches(const model::Sequence& prompt, std::size_t beams);

  /// Slot `slot` shall go on with what slot `parent` holds.
  struct Move {
    std::size_t slot, parent;
  };
  /// Before the first step: every slot holds the prompt.
  void start(std::span<const Move> moves);
  void follow(std::span<const Move> moves);

  model::Sequence* sequence(std::size_t slot) { return slots_[slot].sequence.get(); }
  /// The slot's sequence reads one more token.
  void note(std::size_t slot, TokenId id) { slots_[slot].history.push_back(id); }

 private:
  struct Slot {
    std::unique_ptr<model::Sequence> sequence;
    std::vector<TokenId> history;  // tokens that it has read after the prompt
  };
  void copy(const Slot& from, Slot& to) const;

  const model::Sequence& prompt_;
  std::vector<Slot> slots_;
};

}  // namespace transom::generation
