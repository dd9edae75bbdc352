// SPDX-License-Identifier: Apache-2.0
#include "text/patterns/literal_set.h"

namespace transom::text {

void LiteralSet::add(std::string_view literal, std::size_t value) {
  const Trie::Node node = trie_.walk(Trie::kRoot, literal);
  if (node != Trie::kNone && trie_.value(node) != Trie::kNoValue) return;
  trie_.add(literal, static_cast<std::int32_t>(value));
}

std::optional<LiteralSet::Found> LiteralSet::find(std::string_view text, std::size_t from) const {
  for (std::size_t begin = from; begin < text.size(); ++begin) {
    Trie::Node node = trie_.child(Trie::kRoot, static_cast<unsigned char>(text[begin]));
    std::optional<Found> longest;
    for (std::size_t end = begin + 1; node != Trie::kNone; ++end) {
      const std::int32_t value = trie_.value(node);
      if (value != Trie::kNoValue) longest = Found{{begin, end}, static_cast<std::size_t>(value)};
      if (end == text.size()) break;
      node = trie_.child(node, static_cast<unsigned char>(text[end]));
    }
    if (longest) return longest;
  }
  return std::nullopt;
}

}  // namespace transom::text
