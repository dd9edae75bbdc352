// SPDX-License-Identifier: Apache-2.0
#include "model/sequence/prefix_cache.h"

#include <algorithm>
#include <new>

#include "model/layers/rope.h"

namespace transom::model {

namespace {

// Fewer tokens are read faster than they are looked for, and the block that they end in is copied.
constexpr std::int64_t kLeastTokens = 16;

std::int64_t common_prefix(std::span<const std::int32_t> a, std::span<const std::int32_t> b) {
  return std::ranges::mismatch(a, b).in1 - a.begin();
}

}  // namespace

std::int64_t PrefixCache::usable(const Entry& entry, std::span<const std::int32_t> tokens,
                                 const Sequence& sequence) {
  if (!entry.fits(sequence)) return 0;
  const std::int64_t common = common_prefix(entry.tokens, tokens.first(tokens.size() - 1));
  if (!entry.can_be_cut_to(common)) return 0;
  // Keys that were rotated for a longer text are of no use to a shorter one.
  const std::int64_t longest = std::max(entry.furthest, static_cast<std::int64_t>(tokens.size()));
  return same_frequencies(sequence.transformer().spec().ropes, 1, longest) ? common : 0;
}

std::int64_t PrefixCache::recall(std::span<const std::int32_t> tokens, Sequence& sequence) {
  std::shared_ptr<const Entry> best;
  std::int64_t most = kLeastTokens - 1;
  {
    const std::lock_guard lock(mutex_);
    auto found = entries_.end();
    for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
      const std::int64_t tokens_here = usable(**entry, tokens, sequence);
      if (tokens_here <= most) continue;
      most = tokens_here;
      found = entry;
    }
    if (found == entries_.end()) return 0;
    best = *found;
    entries_.splice(entries_.begin(), entries_, found);
  }
  sequence.adopt(best->cache, most, best->furthest);
  return most;
}

bool PrefixCache::gives(const Entry& entry, std::span<const std::int32_t> tokens) {
  const auto size = static_cast<std::int64_t>(tokens.size());
  return common_prefix(entry.tokens, tokens) == size && entry.can_be_cut_to(size);
}

void PrefixCache::remember(std::span<const std::int32_t> tokens, const Sequence& sequence) try {
  const std::int64_t position = sequence.position();
  if (position < kLeastTokens) return;
  const auto read = tokens.first(static_cast<std::size_t>(position));
  const std::int64_t furthest = sequence.furthest();
  auto made = std::make_shared<const Entry>(
      Entry{{read.begin(), read.end()},
            KvCache(sequence.cache(), sequence.cache().needed_end(position, furthest)),
            sequence.context(),
            sequence.chunk(),
            furthest});
  if (made->cache.resident_bytes() + made->token_bytes() > most_bytes_) return;
  const std::lock_guard lock(mutex_);
  const auto known = std::ranges::find_if(
      entries_, [&](const auto& entry) { return entry->fits(sequence) && gives(*entry, read); });
  if (known != entries_.end()) return entries_.splice(entries_.begin(), entries_, known);
  add(made);
  // Texts that the new one goes on with, and that can be had from it.
  for (auto entry = std::next(entries_.begin()); entry != entries_.end();) {
    const auto here = entry++;
    if ((*here)->fits(sequence) && gives(*made, (*here)->tokens)) drop(here);
  }
  while (bytes_ > most_bytes_) drop(std::prev(entries_.end()));
} catch (const std::bad_alloc&) {
  // The text was written all the same; it is just not kept.
}

void PrefixCache::add(std::shared_ptr<const Entry> entry) {
  entries_.push_front(std::move(entry));
  const KvCache& cache = entries_.front()->cache;
  bytes_ += entries_.front()->token_bytes();
  cache.for_each_block([&](KvBlock& block) {
    if (++block.kept == 1) bytes_ += cache.resident_bytes(block);
  });
}

void PrefixCache::drop(Entries::iterator entry) {
  const KvCache& cache = (*entry)->cache;
  bytes_ -= (*entry)->token_bytes();
  cache.for_each_block([&](KvBlock& block) {
    if (--block.kept == 0) bytes_ -= cache.resident_bytes(block);
  });
  entries_.erase(entry);
}

std::int64_t PrefixCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace transom::model
