// SPDX-License-Identifier: Apache-2.0
#include "generation/beams/beam_caches.h"

#include <algorithm>

namespace transom::generation {

BeamCaches::BeamCaches(const model::Sequence& prompt, std::size_t beams) : prompt_(prompt), slots_(beams) {
  for (Slot& slot : slots_) slot.sequence = prompt.sibling();
}

void BeamCaches::start(std::span<const Move> moves) {
  for (const Move& move : moves) slots_[move.slot].sequence->copy_from(prompt_, 0);
}

void BeamCaches::follow(std::span<const Move> moves) {
  constexpr auto kNobody = static_cast<std::size_t>(-1);
  std::vector<Slot> before = std::move(slots_);
  slots_ = std::vector<Slot>(before.size());
  // The first child of a beam takes its sequence over; the others copy from there.
  std::vector<std::size_t> heir(before.size(), kNobody);
  for (const Move& move : moves) {
    if (heir[move.parent] != kNobody) continue;
    heir[move.parent] = move.slot;
    slots_[move.slot] = std::move(before[move.parent]);
  }
  std::size_t unclaimed = 0;
  for (Slot& slot : slots_) {
    if (slot.sequence != nullptr) continue;
    while (before[unclaimed].sequence == nullptr) ++unclaimed;
    slot = std::move(before[unclaimed]);
  }
  for (const Move& move : moves) {
    if (heir[move.parent] != move.slot) copy(slots_[heir[move.parent]], slots_[move.slot]);
  }
}

void BeamCaches::copy(const Slot& from, Slot& to) const {
  std::int64_t equal = 0;  // positions that both hold already
  if (to.sequence->position() > 0) {
    const auto differ = std::ranges::mismatch(from.history, to.history).in1;
    equal = prompt_.position() + (differ - from.history.begin());
  }
  to.sequence->copy_from(*from.sequence, equal);
  to.history = from.history;
}

}  // namespace transom::generation
