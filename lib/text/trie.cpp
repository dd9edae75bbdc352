// SPDX-License-Identifier: Apache-2.0
#include "text/trie.h"

namespace transom::text {

Trie::Trie() : slots_(64), mask_(slots_.size() - 1), values_(1, kNoValue) { first_.fill(kNone); }

void Trie::add(std::string_view key, std::int32_t value) {
  if (key.empty()) return;
  Node node = kRoot;
  for (const char c : key) {
    const auto byte = static_cast<unsigned char>(c);
    const Node next = child(node, byte);
    node = next != kNone ? next : add_child(node, byte);
  }
  values_[node] = value;
}

Trie::Node Trie::walk(Node node, std::string_view bytes) const {
  for (const char c : bytes) {
    if (node == kNone) break;
    node = child(node, static_cast<unsigned char>(c));
  }
  return node;
}

Trie::Node Trie::add_child(Node node, unsigned char byte) {
  const auto next = static_cast<Node>(values_.size());
  values_.push_back(kNoValue);
  if (node == kRoot) {
    first_[byte] = next;
    return next;
  }
  if (2 * values_.size() > slots_.size()) {
    std::vector<Edge> old(2 * slots_.size());
    old.swap(slots_);
    mask_ = slots_.size() - 1;
    for (const Edge& moved : old) {
      if (moved.key != 0) insert(moved);
    }
  }
  insert({edge(node, byte), next});
  return next;
}

void Trie::insert(Edge new_edge) {
  std::size_t slot = hash(new_edge.key) & mask_;
  while (slots_[slot].key != 0) slot = (slot + 1) & mask_;
  slots_[slot] = new_edge;
}

}  // namespace transom::text
