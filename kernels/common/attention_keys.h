// SPDX-License-Identifier: Apache-2.0
/// Which slots the queries of a tile see, in what order, and in what runs: the same on every device. The
/// pattern itself (window, sinks, levels, ages) is that of attention_args.h.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels/common/attention_args.h"
#include "kernels/common/host_device.h"

namespace transom::kernels {

/// Neighbouring slots [slot, slot + count) that hold positions pos, pos + 2^level ... age: each is seen at
/// this age only, 0: as its level says.
struct KeyRun {
  int64_t pos;
  size_t slot, count, level;
  int64_t age = 0;
};

/// Visible part [begin, end) of a run; empty if begin >= end.
struct VisibleKeys {
  int64_t begin, end;
};

/// What the query at position q_pos sees of a run.
TRANSOM_HOST_DEVICE inline VisibleKeys visible_keys(const AttentionArgs& args, const KeyRun& run,
                                                    int64_t q_pos) {
  const int64_t count = static_cast<int64_t>(run.count);
  if (run.age > 0) {
    const int64_t at = q_pos - run.age - run.pos;
    return {at > 0 ? at : 0, at + 1 < count ? at + 1 : count};
  }
  if (run.level > 0) {
    const KeyRange seen = level_range(q_pos, q_pos, args.window, run.level);
    const int64_t begin = seen.first - (run.pos >> run.level), end = seen.end - (run.pos >> run.level);
    return {begin > 0 ? begin : 0, end < count ? end : count};
  }
  VisibleKeys part = {0, q_pos + 1 - run.pos < count ? q_pos + 1 - run.pos : count};
  const bool sinks = run.pos < static_cast<int64_t>(args.kv.n_sinks);
  if (args.window > 0 && !sinks && q_pos - args.window + 1 > run.pos)
    part.begin = q_pos - args.window + 1 - run.pos;
  return part;
}

/// The keys that queries at positions first_query .. end_query - 1 see, numbered in the order in which they
/// are taken: the levels, from the coarsest on, or the ages, from the oldest on, or the sinks; then the
/// window. args must outlive it; of them only the pattern and the cache are read.
class KeyOrder {
 public:
  TRANSOM_HOST_DEVICE KeyOrder(const AttentionArgs& args, int64_t first_query, int64_t end_query)
      : kv_(args.kv), window_(args.window), first_query_(first_query), end_query_(end_query) {
    for (size_t level = kv_.n_levels; level > 0; --level) level_keys_ += range(level).count();
    if (args.power_ages) {
      for (int64_t age = first_power_age(window_); age < end_query_; age *= 2) {
        level_keys_ += ages(age).count();
        oldest_age_ = age;
      }
    }
    const int64_t window_begin =
        window_ > 0 && first_query_ - window_ + 1 > 0 ? first_query_ - window_ + 1 : 0;
    const int64_t sinks = static_cast<int64_t>(kv_.n_sinks);
    skipped_ = sinks < window_begin ? window_begin - sinks : 0;
  }

  TRANSOM_HOST_DEVICE int64_t count() const { return level_keys_ + end_query_ - skipped_; }
  /// Key tiles that as many keys fill.
  TRANSOM_HOST_DEVICE int64_t tiles() const { return (count() + kTile - 1) / kTile; }

  /// The keys of one of n_parts parts, which differ by a tile at most. Those of the window meet where key
  /// tiles do, so that a split moves no bit of a tile's arithmetic. Parts are empty where there are fewer
  /// tiles.
  TRANSOM_HOST_DEVICE KeyRange part(size_t part, size_t n_parts) const {
    return {part_begin(part, n_parts), part + 1 < n_parts ? part_begin(part + 1, n_parts) : count()};
  }

  /// The neighbouring slots from key `at` on, up to key `end`, of the same level, age, sinks or ring.
  TRANSOM_HOST_DEVICE KeyRun stretch(int64_t at, int64_t end) const {
    return at >= level_keys_ ? ring_run(at, end) : oldest_age_ > 0 ? age_run(at, end) : level_run(at, end);
  }

 private:
  static constexpr int64_t kTile = static_cast<int64_t>(kAttentionKeyTile);

  TRANSOM_HOST_DEVICE int64_t part_begin(size_t part, size_t n_parts) const {
    const int64_t tile = static_cast<int64_t>(part) * tiles() / static_cast<int64_t>(n_parts);
    return tile_begin(tile * kTile);
  }

  /// The begin of the key tile that key `at` is in. Levels and ages are cut anywhere.
  TRANSOM_HOST_DEVICE int64_t tile_begin(int64_t at) const {
    const int64_t into_window = at - level_keys_ - static_cast<int64_t>(kv_.n_sinks);
    if (into_window <= 0) return at;
    const size_t slot = ring_slot(kv_, at - level_keys_ + skipped_);
    const size_t in_tile = slot % kAttentionKeyTile, in_ring = slot - kv_.n_sinks;
    const int64_t back = static_cast<int64_t>(in_tile < in_ring ? in_tile : in_ring);
    return at - (back < into_window ? back : into_window);
  }

  TRANSOM_HOST_DEVICE KeyRange range(size_t level) const {
    return level_range(first_query_, end_query_ - 1, window_, level);
  }
  TRANSOM_HOST_DEVICE KeyRange ages(int64_t age) const {
    return age_range(first_query_, end_query_ - 1, age);
  }

  TRANSOM_HOST_DEVICE KeyRun age_run(int64_t at, int64_t end) const {
    int64_t before = 0, age = oldest_age_;
    for (; at >= before + ages(age).count(); age /= 2) before += ages(age).count();
    const KeyRange here = ages(age);
    const int64_t pos = here.first + at - before;
    const int64_t left = here.end - pos < end - at ? here.end - pos : end - at;
    return {pos, ring_slot(kv_, pos), static_cast<size_t>(left), 0, age};
  }

  TRANSOM_HOST_DEVICE KeyRun level_run(int64_t at, int64_t end) const {
    int64_t before = 0;
    size_t level = kv_.n_levels;
    while (at >= before + range(level).count()) before += range(level--).count();
    const KeyRange here = range(level);
    const int64_t index = here.first + at - before;
    const int64_t left = here.end - index < end - at ? here.end - index : end - at;
    KeyRun run = {index << level, level_slot(kv_, level, index), static_cast<size_t>(left), level};
    const size_t slots = kv_.level_slots - static_cast<size_t>(index) % kv_.level_slots;
    if (run.count > slots) run.count = slots;
    return run;
  }

  TRANSOM_HOST_DEVICE KeyRun ring_run(int64_t at, int64_t end) const {
    const int64_t index = at - level_keys_, sinks = static_cast<int64_t>(kv_.n_sinks);
    end -= level_keys_;
    KeyRun run = {index < sinks ? index : index + skipped_, 0, 0, 0};
    run.slot = ring_slot(kv_, run.pos);
    const int64_t last = index < sinks && sinks < end ? sinks : end;
    const size_t slot_end = index < sinks ? kv_.n_sinks : ring_capacity(kv_);
    run.count = static_cast<size_t>(last - index);
    if (run.count > slot_end - run.slot) run.count = slot_end - run.slot;
    return run;
  }

  const KvView& kv_;
  int64_t window_, first_query_, end_query_;
  int64_t level_keys_ = 0;  // or those of the ages
  int64_t oldest_age_ = 0;
  int64_t skipped_ = 0;  // positions between the sinks, or the start, and the window
};

/// The keys of a part in runs that end with a key tile, a level, an age, the sinks, a ring, or the part. Key
/// tiles begin at multiples of their size, so that none crosses a block and all between the ends of a stretch
/// are full. Those of an age begin where it does, since they are few: only a block cuts them.
class KeyRuns {
 public:
  /// Part args.part of args.n_parts.
  TRANSOM_HOST_DEVICE KeyRuns(const AttentionArgs& args, int64_t first_query, int64_t end_query)
      : kv_(args.kv), order_(args, first_query, end_query) {
    const KeyRange part = order_.part(args.part, args.n_parts);
    at_ = part.first;
    end_ = part.end;
  }

  /// count 0: none is left.
  TRANSOM_HOST_DEVICE KeyRun next() {
    if (at_ >= end_) return {0, 0, 0, 0};
    if (stretch_.count == 0) stretch_ = order_.stretch(at_, end_);
    KeyRun run = stretch_;
    const size_t tile_left = kAttentionKeyTile - run.slot % kAttentionKeyTile;
    const size_t block_left = kv_.block_slots - run.slot % kv_.block_slots;
    const size_t in_block = block_left < kAttentionKeyTile ? block_left : kAttentionKeyTile;
    const size_t most = run.age == 0 ? tile_left : in_block;
    if (run.count > most) run.count = most;
    stretch_.pos += static_cast<int64_t>(run.count) << run.level;
    stretch_.slot += run.count;
    stretch_.count -= run.count;
    at_ += static_cast<int64_t>(run.count);
    return run;
  }

 private:
  const KvView& kv_;
  KeyOrder order_;
  KeyRun stretch_ = {0, 0, 0, 0};  // what is left of it
  int64_t at_ = 0, end_ = 0;
};

}  // namespace transom::kernels
