// SPDX-License-Identifier: Apache-2.0
/// Finds any of a set of literals in a text: the leftmost, of those that begin there the longest.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "text/patterns/pattern.h"
#include "text/trie.h"

namespace transom::text {

/// Searching takes at most (longest literal) steps for each byte of the text, one for most.
class LiteralSet {
 public:
  /// Adds a literal; an empty one, or one that is there already, changes nothing.
  void add(std::string_view literal, std::size_t value);

  struct Found {
    Match match;
    std::size_t value;
  };
  /// @return The first literal at or behind `from`.
  std::optional<Found> find(std::string_view text, std::size_t from) const;

  bool empty() const { return trie_.empty(); }

 private:
  Trie trie_;
};

}  // namespace transom::text
