// SPDX-License-Identifier: Apache-2.0
/// Spellings of tokens and their ids, both ways.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/json_path.h"
#include "transom/tokenizer.h"

namespace transom::text {

/// Ids at or above this are refused: the tables of a tokenizer grow with its largest id (4 bytes for each).
/// The largest vocabularies in use have some 260 thousand tokens.
inline constexpr TokenId kMaxTokenId = 1 << 24;

class Vocabulary {
 public:
  /// Makes room for so many tokens with so many bytes together.
  void reserve(std::size_t n_tokens, std::size_t n_bytes);

  enum class Added { ok, duplicate_token, duplicate_id };
  /// @param id from 0 to kMaxTokenId - 1.
  /// @param again A token may have several ids: find gives the one added last.
  Added add(std::string_view token, TokenId id, bool again = false);

  std::optional<TokenId> find(std::string_view token) const;
  /// The view lives as long as the vocabulary and until the next add().
  std::optional<std::string_view> spelling(TokenId id) const;

  /// Whether some token has several ids.
  bool has_repeats() const { return has_repeats_; }

  std::size_t size() const { return entries_.size(); }
  /// One more than the largest id; 0 when there is none.
  std::size_t id_end() const { return entry_of_id_.size(); }

 private:
  struct Entry {
    std::uint64_t begin;  // in bytes_
    std::uint32_t length;
    TokenId id;
  };
  std::string_view text_of(const Entry& entry) const {
    return std::string_view(bytes_).substr(entry.begin, entry.length);
  }
  void grow(std::size_t n_slots);
  std::size_t slot_for(std::string_view token) const;

  bool has_repeats_ = false;
  std::string bytes_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> slots_;        // open addressing, index into entries_ plus one; a power of two
  std::vector<std::uint32_t> entry_of_id_;  // index into entries_ plus one; 0 for a gap
};

/// Reads and checks a token id.
/// @throws FormatError when it is negative, UnsupportedError when it is beyond kMaxTokenId.
TokenId read_token_id(const io::Json& json, const JsonPath& path);

/// Reads {"token": id, ...}.
Vocabulary load_vocabulary(const io::Json& json, const JsonPath& path);

}  // namespace transom::text
