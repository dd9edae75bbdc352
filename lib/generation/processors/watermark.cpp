// SPDX-License-Identifier: Apache-2.0
#include "generation/processors/watermark.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <random>

#include "generation/sampling/sampler.h"

namespace transom::generation {

namespace {

constexpr std::size_t kHashTableSize = 1000003;
// With "selfhash" so many of the best tokens are tried, as the authors do.
constexpr std::size_t kTried = 40;

/// The first `count` entries of PyTorch's randperm on a CPU: Fisher-Yates with one 32-bit draw of the
/// Mersenne twister an entry.
void shuffle_first(std::vector<std::int32_t>& values, std::uint32_t seed, std::size_t count) {
  std::iota(values.begin(), values.end(), 0);
  std::mt19937 random(seed);
  for (std::size_t i = 0; i < std::min(count, values.size() - 1); ++i)
    std::swap(values[i], values[i + random() % (values.size() - i)]);
}

}  // namespace

Watermark::Watermark(const WatermarkingConfig& config, std::size_t vocab)
    : config_(config),
      green_(
          static_cast<std::size_t>(static_cast<double>(vocab) * static_cast<double>(config.greenlist_ratio))),
      permutation_(vocab) {
  if (config.seeding_scheme != "selfhash") return;
  hash_table_.resize(kHashTableSize);
  shuffle_first(hash_table_, static_cast<std::uint32_t>(config.hashing_key), kHashTableSize);
}

void Watermark::apply(std::span<const TokenId> so_far, std::span<float> logits) {
  if (so_far.size() < static_cast<std::size_t>(config_.context_width)) return;
  if (!hash_table_.empty()) return favour_self_hashed(so_far, logits);
  shuffle_first(permutation_, seed_after(so_far), green_);
  for (std::size_t i = 0; i < green_; ++i) logits[static_cast<std::size_t>(permutation_[i])] += config_.bias;
}

/// The low 32 bits of the seed: all that the generator takes.
std::uint32_t Watermark::seed_after(std::span<const TokenId> text) const {
  const auto key = static_cast<std::uint64_t>(config_.hashing_key);
  if (hash_table_.empty()) return static_cast<std::uint32_t>(key * static_cast<std::uint64_t>(text.back()));
  const auto hash = [&](TokenId id) {
    return static_cast<std::uint64_t>(hash_table_[static_cast<std::size_t>(id) % kHashTableSize]) + 1;
  };
  // Products wrap around as signed 64-bit numbers do there, and the least of them counts.
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  for (const TokenId id : text.last(static_cast<std::size_t>(config_.context_width)))
    least = std::min(least, static_cast<std::int64_t>(key * hash(id) * hash(text.back())));
  // The seed is taken modulo 2^64 - 1.
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(least) - (least < 0 ? 1 : 0));
}

/// A token is green when it is in the part that it chooses itself, together with the tokens before it.
void Watermark::favour_self_hashed(std::span<const TokenId> so_far, std::span<float> logits) {
  const auto context = so_far.last(static_cast<std::size_t>(config_.context_width));
  std::vector<TokenId> text(context.begin(), context.end());
  text.push_back(0);
  for (const TokenId id : best_tokens(logits, kTried)) {
    text.back() = id;
    shuffle_first(permutation_, seed_after(text), green_);
    const auto green_end = permutation_.begin() + static_cast<std::ptrdiff_t>(green_);
    if (std::find(permutation_.begin(), green_end, id) != green_end)
      logits[static_cast<std::size_t>(id)] += config_.bias;
  }
}

}  // namespace transom::generation
