// SPDX-License-Identifier: Apache-2.0
/// Texts that were read before: another text that begins alike takes over what the cache holds of its
/// beginning, instead of reading it again.
///
/// Any number of threads. Texts share their blocks of keys and values (see KvCache) with the sequence that
/// read them, with those that go on from there, and with each other. When the bytes run out, the text that
/// was used longest ago goes first.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "model/sequence/sequence.h"

namespace transom::model {

class PrefixCache {
 public:
  /// @param most_bytes Of keys, values and tokens of all texts together; keys and values that several share
  /// count once.
  explicit PrefixCache(std::int64_t most_bytes) : most_bytes_(most_bytes) {}

  /// Lets an empty sequence stand behind the longest known beginning of `tokens`, all but the last of them at
  /// most: that one is read for its logits.
  /// @return The tokens that need not be read.
  std::int64_t recall(std::span<const std::int32_t> tokens, Sequence& sequence);

  /// Keeps what the sequence has read, which are the first of `tokens`.
  void remember(std::span<const std::int32_t> tokens, const Sequence& sequence);

  std::int64_t bytes() const;

 private:
  struct Entry {
    std::vector<std::int32_t> tokens;  // all that were read
    KvCache cache;
    std::int64_t context, chunk, furthest;

    std::int64_t token_bytes() const { return static_cast<std::int64_t>(tokens.size() * sizeof tokens[0]); }
    bool fits(const Sequence& sequence) const {
      return context == sequence.context() && chunk == sequence.chunk();
    }
    /// Whether a window has not overwritten what the shorter text sees.
    bool can_be_cut_to(std::int64_t position) const {
      return position == static_cast<std::int64_t>(tokens.size()) ||
             position >= cache.oldest_restorable(furthest);
    }
  };
  using Entries = std::list<std::shared_ptr<const Entry>>;

  /// How much of `tokens` the entry can give.
  static std::int64_t usable(const Entry& entry, std::span<const std::int32_t> tokens,
                             const Sequence& sequence);
  /// Whether the entry can give all of these tokens.
  static bool gives(const Entry& entry, std::span<const std::int32_t> tokens);
  void add(std::shared_ptr<const Entry> entry);
  void drop(Entries::iterator entry);

  const std::int64_t most_bytes_;
  mutable std::mutex mutex_;
  Entries entries_;  // the one used last is the first
  std::int64_t bytes_ = 0;
};

}  // namespace transom::model
