// SPDX-License-Identifier: Apache-2.0
/// Sets of tokens: one bit each, or a list where there are few.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "transom/tokenizer.h"

namespace transom::generation {

/// One bit for each id, in words of 64.
class TokenBits {
 public:
  void reset(std::size_t n_tokens) { words_.assign((n_tokens + 63) / 64, 0); }
  void add(TokenId id) { word(id) |= bit(id); }
  void remove(TokenId id) { word(id) &= ~bit(id); }
  void add(const TokenBits& other) {
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
  }
  std::span<const std::uint64_t> words() const { return words_; }

 private:
  static std::uint64_t bit(TokenId id) { return std::uint64_t{1} << (static_cast<unsigned>(id) % 64); }
  std::uint64_t& word(TokenId id) { return words_[static_cast<std::size_t>(id) / 64]; }

  std::vector<std::uint64_t> words_;
};

/// Immutable once it is made.
class TokenSet {
 public:
  TokenSet() = default;
  /// @param ids in any order; may repeat.
  TokenSet(std::vector<TokenId> ids, std::size_t n_tokens) {
    if (ids.size() * 32 < n_tokens) {
      ids.shrink_to_fit();
      ids_ = std::move(ids);
    } else {
      bits_.reset(n_tokens);
      for (const TokenId id : ids) bits_.add(id);
    }
  }

  void add_to(TokenBits& bits) const {
    if (!bits_.words().empty()) bits.add(bits_);
    for (const TokenId id : ids_) bits.add(id);
  }
  std::size_t bytes() const {
    return bits_.words().size_bytes() + ids_.capacity() * sizeof(TokenId) + sizeof(*this);
  }

 private:
  TokenBits bits_;
  std::vector<TokenId> ids_;
};

}  // namespace transom::generation
