// SPDX-License-Identifier: Apache-2.0
/// A set of byte strings, each with a number, that is walked byte by byte.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace transom::text {

/// A node is named by its index; the edges of all nodes but the root share one hash table.
class Trie {
 public:
  using Node = std::uint32_t;
  static constexpr Node kNone = UINT32_MAX;
  static constexpr Node kRoot = 0;
  static constexpr std::int32_t kNoValue = -1;

  Trie();

  /// @param value at least 0. It replaces the one that the key had. An empty key changes nothing.
  void add(std::string_view key, std::int32_t value);

  Node child(Node node, unsigned char byte) const {
    if (node == kRoot) return first_[byte];
    const std::uint64_t key = edge(node, byte);
    std::size_t slot = hash(key) & mask_;
    while (slots_[slot].key != key) {
      if (slots_[slot].key == 0) return kNone;
      slot = (slot + 1) & mask_;
    }
    return slots_[slot].child;
  }
  /// @return The node that a string leads to, or kNone.
  Node walk(Node node, std::string_view bytes) const;

  /// The number of the key that ends at the node, or kNoValue.
  std::int32_t value(Node node) const { return values_[node]; }
  bool empty() const { return values_.size() == 1; }

 private:
  struct Edge {
    std::uint64_t key = 0;  // 0 is free: only edges of the root would have it
    Node child = kNone;
  };
  static std::uint64_t edge(Node node, unsigned char byte) {
    return (static_cast<std::uint64_t>(node) << 8) | byte;
  }
  static std::size_t hash(std::uint64_t key) {
    key *= 0x9E3779B97F4A7C15u;  // Fibonacci hashing; the high bits are the good ones
    return static_cast<std::size_t>(key ^ (key >> 32));
  }
  Node add_child(Node node, unsigned char byte);
  void insert(Edge new_edge);

  std::array<Node, 256> first_;  // children of the root
  std::vector<Edge> slots_;      // open addressing, at most half full; a power of two
  std::size_t mask_;
  std::vector<std::int32_t> values_;  // of each node
};

}  // namespace transom::text
