// SPDX-License-Identifier: Apache-2.0
/// The character map of SentencePiece: strings of UTF-8 and what replaces them.
///
/// Layout: a little-endian u32, the size of the trie in bytes; the trie, a double array of u32 units as
/// darts-clone writes it; the replacements, each ended by a zero byte. A value of the trie is the place of a
/// replacement.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/json_path.h"

namespace transom::text {

/// Immutable; safe from any thread.
class Charsmap {
 public:
  /// @param bytes The map as a file holds it.
  /// @throws FormatError when it is cut short, or its trie or replacements are wrong.
  Charsmap(std::string_view bytes, const JsonPath& path);

  struct Found {
    std::size_t length;  ///< bytes of the text
    std::string_view replacement;
  };
  enum class Prefer { shortest, longest };
  /// @return The entry that the text begins with, if any.
  std::optional<Found> find(std::string_view text, Prefer prefer) const;

 private:
  // A unit is a node: the byte that leads to it, whether a key ends here, and where its children are; or,
  // with the highest bit set, the value of a key.
  static constexpr std::uint32_t kIsValue = std::uint32_t{1} << 31;
  static bool ends_key(std::uint32_t unit) { return ((unit >> 8) & 1) != 0; }
  static std::uint32_t label(std::uint32_t unit) { return unit & (kIsValue | 0xFF); }
  static std::size_t offset(std::uint32_t unit) { return (unit >> 10) << ((unit & 0x200) >> 6); }

  void check(const JsonPath& path) const;
  std::string_view replacement_at(std::size_t place) const;

  std::vector<std::uint32_t> units_;
  std::string replacements_;
};

}  // namespace transom::text
