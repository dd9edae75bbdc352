// SPDX-License-Identifier: Apache-2.0
#include "text/patterns/literal_set.h"

namespace transom::text {

LiteralSet::LiteralSet() : is_end_(1, false), values_(1, 0) { first_.fill(kNone); }

std::uint32_t LiteralSet::child(std::uint32_t node, unsigned char byte) const {
  if (node == 0) return first_[byte];
  const auto found = others_.find(edge(node, byte));
  return found == others_.end() ? kNone : found->second;
}

void LiteralSet::add(std::string_view literal, std::size_t value) {
  if (literal.empty()) return;
  std::uint32_t node = 0;
  for (const char c : literal) {
    const auto byte = static_cast<unsigned char>(c);
    std::uint32_t next = child(node, byte);
    if (next == kNone) {
      next = static_cast<std::uint32_t>(is_end_.size());
      is_end_.push_back(false);
      values_.push_back(0);
      if (node == 0) {
        first_[byte] = next;
      } else {
        others_.emplace(edge(node, byte), next);
      }
    }
    node = next;
  }
  if (is_end_[node]) return;
  is_end_[node] = true;
  values_[node] = value;
}

std::optional<LiteralSet::Found> LiteralSet::find(std::string_view text, std::size_t from) const {
  for (std::size_t begin = from; begin < text.size(); ++begin) {
    std::uint32_t node = first_[static_cast<unsigned char>(text[begin])];
    if (node == kNone) continue;
    std::optional<Found> longest;
    for (std::size_t end = begin + 1;; ++end) {
      if (is_end_[node]) longest = Found{{begin, end}, values_[node]};
      if (end == text.size()) break;
      node = child(node, static_cast<unsigned char>(text[end]));
      if (node == kNone) break;
    }
    if (longest) return longest;
  }
  return std::nullopt;
}

}  // namespace transom::text
