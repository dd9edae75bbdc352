// SPDX-License-Identifier: Apache-2.0
/// Sets of characters, and the byte sequences that spell them in UTF-8.
#pragma once

#include <cstdint>
#include <vector>

namespace transom::generation {

/// First and last code point of a range.
struct CodeRange {
  char32_t first;
  char32_t last;
  bool operator==(const CodeRange&) const = default;
};

/// A set of Unicode scalar values: code points without the surrogates, which no UTF-8 text can hold.
class CharSet {
 public:
  CharSet() = default;
  /// Any ranges in any order; surrogates and values beyond U+10FFFF fall out.
  explicit CharSet(std::vector<CodeRange> ranges);
  static CharSet all();
  static CharSet of(char32_t c) { return CharSet({{c, c}}); }

  CharSet complement() const;
  CharSet without(const CharSet& other) const;
  bool contains(char32_t c) const;
  bool empty() const { return ranges_.empty(); }
  /// Ascending, disjoint, not adjacent.
  const std::vector<CodeRange>& ranges() const { return ranges_; }

 private:
  std::vector<CodeRange> ranges_;
};

/// The spellings of a set as a graph: every way from `start` to kUtf8End is the UTF-8 form of one member, and
/// every member has one way. Equal tails are shared, so \p{L} takes about 200 nodes.
struct Utf8Edge {
  std::uint8_t low;
  std::uint8_t high;
  std::uint32_t to;
  auto operator<=>(const Utf8Edge&) const = default;
};

inline constexpr std::uint32_t kUtf8End = UINT32_MAX;

struct Utf8Graph {
  std::vector<std::vector<Utf8Edge>> nodes;  ///< edges ascending and disjoint
  std::uint32_t start = 0;
};

Utf8Graph utf8_graph(const CharSet& set);

}  // namespace transom::generation
