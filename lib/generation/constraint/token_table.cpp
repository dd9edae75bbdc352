// SPDX-License-Identifier: Apache-2.0
#include "generation/constraint/token_table.h"

#include <algorithm>
#include <utility>

namespace transom::generation {

namespace {

/// Longer tokens are never chosen: depths have 16 bits, and no vocabulary in use comes near.
constexpr std::size_t kLongestToken = 4096;

}  // namespace

TokenTable::TokenTable(text::TokenBytes bytes) : bytes_(std::move(bytes)) {
  for (std::size_t i = 0; i < bytes_.size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    const std::size_t length = bytes_.of(id).size();
    if (length == 0 || length > kLongestToken) continue;
    tokens_.push_back(id);
    longest_ = std::max(longest_, length);
  }
  std::sort(tokens_.begin(), tokens_.end(), [this](TokenId a, TokenId b) {
    const std::string_view x = bytes_.of(a);
    const std::string_view y = bytes_.of(b);
    return x != y ? x < y : a < b;
  });
  build_tree();
  for (std::uint32_t i = 1; i < nodes_.size(); ++i) with_byte_[nodes_[i].byte].push_back(i);
}

void TokenTable::build_tree() {
  std::vector<std::uint32_t> open{0};  // the nodes on the way to the last one, by depth
  nodes_.push_back({});
  std::string_view last;
  const auto close_to = [&](std::size_t depth) {
    for (; open.size() > depth + 1; open.pop_back()) {
      nodes_[open.back()].after = static_cast<std::uint32_t>(nodes_.size());
    }
  };
  for (std::uint32_t i = 0; i < tokens_.size(); ++i) {
    const std::string_view token = bytes_.of(tokens_[i]);
    const auto differ = std::mismatch(last.begin(), last.end(), token.begin(), token.end());
    close_to(static_cast<std::size_t>(differ.first - last.begin()));
    while (open.size() <= token.size()) {
      Node node{};
      node.parent = open.back();
      node.tokens_begin = node.tokens_end = i;
      node.depth = static_cast<std::uint16_t>(open.size());
      node.byte = static_cast<std::uint8_t>(token[open.size() - 1]);
      open.push_back(static_cast<std::uint32_t>(nodes_.size()));
      nodes_.push_back(node);
    }
    nodes_[open.back()].tokens_end = i + 1;
    last = token;
  }
  close_to(0);
  nodes_[0].after = static_cast<std::uint32_t>(nodes_.size());
}

}  // namespace transom::generation
