// SPDX-License-Identifier: Apache-2.0
/// The vocabulary as a constraint sees it: which bytes each token adds to a text, sorted into a tree.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "text/token_bytes.h"
#include "transom/tokenizer.h"

namespace transom::generation {

/// Immutable; safe from any thread. About 15 MB for 150,000 tokens; built in about 0.1 s.
class TokenTable {
 public:
  /// A node stands for a beginning of some tokens. Nodes are in preorder: the subtree of node i is
  /// [i, nodes[i].after). Node 0 is the root, the empty beginning.
  struct Node {
    std::uint32_t after;
    std::uint32_t parent;
    std::uint32_t tokens_begin;  // in tokens(): those that are exactly this
    std::uint32_t tokens_end;
    std::uint16_t depth;  // bytes
    std::uint8_t byte;    // the last of them
  };

  explicit TokenTable(text::TokenBytes bytes);
  /// @throws UnsupportedError where the tokenizer's decoder does not give each token bytes of its own.
  explicit TokenTable(const text::TokenizerImpl& tokenizer) : TokenTable(text::token_bytes(tokenizer)) {}

  /// Ids from 0 to this; some may have no bytes.
  std::size_t size() const { return bytes_.size(); }
  /// Empty when the token is never allowed: special, without text, or no token at all.
  std::string_view bytes(TokenId id) const { return bytes_.of(id); }

  std::span<const Node> nodes() const { return nodes_; }
  std::span<const TokenId> tokens_at(const Node& node) const {
    return std::span(tokens_).subspan(node.tokens_begin, node.tokens_end - node.tokens_begin);
  }
  /// All nodes whose last byte is this one.
  std::span<const std::uint32_t> nodes_with(std::uint8_t byte) const { return with_byte_[byte]; }
  /// Bytes of the longest token.
  std::size_t longest() const { return longest_; }

 private:
  void build_tree();

  text::TokenBytes bytes_;
  std::vector<TokenId> tokens_;  // by bytes, ascending
  std::vector<Node> nodes_;
  std::array<std::vector<std::uint32_t>, 256> with_byte_;
  std::size_t longest_ = 0;
};

}  // namespace transom::generation
