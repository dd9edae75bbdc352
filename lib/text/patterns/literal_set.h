// SPDX-License-Identifier: Apache-2.0
/// Finds any of a set of literals in a text: the leftmost, of those that begin there the longest.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/patterns/pattern.h"

namespace transom::text {

/// A trie of bytes. Searching takes at most (longest literal) steps for each byte of the text, one for most.
class LiteralSet {
 public:
  LiteralSet();

  /// Adds a literal; an empty one, or one that is there already, changes nothing.
  void add(std::string_view literal, std::size_t value);

  struct Found {
    Match match;
    std::size_t value;
  };
  /// @return The first literal at or behind `from`.
  std::optional<Found> find(std::string_view text, std::size_t from) const;

  bool empty() const { return is_end_.size() == 1; }

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  static std::uint64_t edge(std::uint32_t node, unsigned char byte) {
    return (static_cast<std::uint64_t>(node) << 8) | byte;
  }
  std::uint32_t child(std::uint32_t node, unsigned char byte) const;

  std::array<std::uint32_t, 256> first_;                     // children of the root
  std::unordered_map<std::uint64_t, std::uint32_t> others_;  // of all other nodes
  std::vector<bool> is_end_;                                 // of each node
  std::vector<std::size_t> values_;                          // of each node
};

}  // namespace transom::text
