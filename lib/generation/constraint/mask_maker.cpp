// SPDX-License-Identifier: Apache-2.0
#include "generation/constraint/mask_maker.h"

#include <algorithm>

#include "generation/constraint/limits.h"

namespace transom::generation {

namespace {

/// More exits than this are kept by node: then the few nodes with a fitting next byte are looked at instead
/// of all exits.
constexpr std::size_t kManyExits = 2048;
/// Tokens inside a loop are sorted into bit sets up to this many repetitions, beyond it into a list: few
/// tokens have more characters.
constexpr std::size_t kBitSets = 16;
/// Reading one token makes at most this many configurations.
constexpr std::size_t kReadAllowance = kMaxMaskSteps;

}  // namespace

MaskMaker::MaskMaker(std::shared_ptr<const Automaton> automaton, std::shared_ptr<const TokenTable> table)
    : table_(std::move(table)),
      machine_(std::move(automaton)),
      sets_(machine_),
      path_(table_->longest() + 1) {}

StateSet MaskMaker::start() {
  const std::lock_guard lock(mutex_);
  machine_.set_allowance(kReadAllowance);
  return machine_.start();
}

bool MaskMaker::worn() const {
  const std::lock_guard lock(mutex_);
  return machine_.stack_nodes() > kMaxStackNodes / 4;
}

bool MaskMaker::read(std::string_view bytes, StateSet& state) {
  const std::lock_guard lock(mutex_);
  machine_.set_allowance(kReadAllowance);
  StateSet here = state;
  StateSet next;
  for (const char byte : bytes) {
    machine_.step(here, static_cast<std::uint8_t>(byte), next);
    if (next.dead()) return false;
    std::swap(here, next);
  }
  state = std::move(here);
  return true;
}

void MaskMaker::begin_work() {
  machine_.set_allowance(kMaxMaskSteps);
  sets_.forget_if_many();
  if (kept_bytes_ <= kMaxMaskBytes) return;
  rule_tokens_.clear();
  loop_tokens_.clear();
  leaving_tokens_.clear();
  kept_bytes_ = 0;
}

void MaskMaker::allow(const StateSet& state, TokenBits& allowed) {
  allowed.reset(table_->size());
  const std::lock_guard lock(mutex_);
  begin_work();
  for (const Configuration& at : state.configurations) {
    if (machine_.automaton().states[at.state].in_loop) {
      allow_in_loop(at, allowed);
    } else {
      allow_in_rule(at, allowed);
    }
  }
}

void MaskMaker::allow_in_rule(const Configuration& at, TokenBits& allowed) {
  const RuleTokens& tokens = rule_tokens(at.state);
  tokens.inside.add_to(allowed);
  for (const Counted& token : leaving_tokens(at, tokens.exits)) allowed.add(token.id);
}

void MaskMaker::allow_in_loop(const Configuration& at, TokenBits& allowed) {
  const Loop& loop = machine_.automaton().loops[machine_.frame(at.stack).loop];
  const std::uint32_t left = loop.max == kUnlimited ? kUnlimited : loop.max - at.count;
  const LoopTokens& tokens = loop_tokens(at.state, loop.entry);
  allowed.add(tokens.up_to[std::min<std::size_t>(left, kBitSets)]);
  for (const Counted& token : tokens.longer) {
    if (token.count > left) break;
    allowed.add(token.id);
  }
  for (const Counted& token : leaving_tokens(at, tokens.exits)) {
    if (token.count <= left && at.count + token.count >= loop.min) allowed.add(token.id);
  }
}

/// Calls on_node(node, set) for every node of [begin, end), whole subtrees below one node, that can be
/// reached from the set that stands before them.
template <typename OnNode>
void MaskMaker::walk(NodeIndex begin, NodeIndex end, SetId from, OnNode&& on_node) {
  const std::span<const TokenTable::Node> nodes = table_->nodes();
  if (begin == end) return;
  path_[nodes[begin].depth - 1u] = from;
  for (NodeIndex i = begin; i < end;) {
    const TokenTable::Node& node = nodes[i];
    const SetId set = sets_.next(path_[node.depth - 1u], node.byte);
    if (set == WalkSets::kDead) {
      i = node.after;
      continue;
    }
    path_[node.depth] = set;
    on_node(i, set);
    ++i;
  }
}

void MaskMaker::finish(Exits& exits) {
  if (exits.list.size() > kManyExits) {
    exits.by_node.assign(table_->nodes().size(), 0);
    for (const auto& [node, count] : exits.list) exits.by_node[node] = count;
    exits.list.clear();
  }
  exits.list.shrink_to_fit();
  keep(exits.list.size() * sizeof(exits.list[0]) + exits.by_node.size() * sizeof(Count));
}

const MaskMaker::RuleTokens& MaskMaker::rule_tokens(StateId state) {
  if (const auto known = rule_tokens_.find(state); known != rule_tokens_.end()) return known->second;
  RuleTokens tokens;
  std::vector<TokenId> inside;
  // The state as it is: ways that leave its rule before the first byte are configurations of their own.
  StateSet start;
  start.configurations = {{state, 0, kUnknownStack}};
  const std::span<const TokenTable::Node> nodes = table_->nodes();
  walk(1, static_cast<NodeIndex>(nodes.size()), sets_.id_of(start), [&](NodeIndex i, SetId set) {
    const auto here = table_->tokens_at(nodes[i]);
    inside.insert(inside.end(), here.begin(), here.end());
    if (sets_.set(set).escaped) tokens.exits.list.emplace_back(i, Count{1});
  });
  tokens.inside = TokenSet(std::move(inside), table_->size());
  keep(tokens.inside.bytes() + sizeof tokens);
  finish(tokens.exits);
  return rule_tokens_.emplace(state, std::move(tokens)).first->second;
}

const MaskMaker::LoopTokens& MaskMaker::loop_tokens(StateId state, StateId entry) {
  if (const auto known = loop_tokens_.find(state); known != loop_tokens_.end()) return known->second;
  LoopTokens tokens;
  const std::span<const TokenTable::Node> nodes = table_->nodes();
  const std::vector<State>& states = machine_.automaton().states;
  // The body is deterministic and calls nothing: one state and a count for each depth.
  std::vector<std::pair<StateId, Count>> path(table_->longest() + 1, {state, Count{0}});
  std::vector<Counted> inside;
  for (NodeIndex i = 1; i < nodes.size();) {
    const TokenTable::Node& node = nodes[i];
    auto [at, count] = path[node.depth - 1u];
    const std::vector<ByteEdge>& edges = states[at].bytes;
    const auto edge = std::find_if(edges.begin(), edges.end(), [&](const ByteEdge& candidate) {
      return candidate.low <= node.byte && node.byte <= candidate.high;
    });
    if (edge == edges.end()) {
      i = node.after;
      continue;
    }
    at = edge->to;
    const bool complete = states[at].accepting;
    if (complete) {
      ++count;
      at = entry;  // the next one may begin
      tokens.exits.list.emplace_back(i, count);
    }
    path[node.depth] = {at, count};
    const auto needed = static_cast<Count>(complete ? count : count + 1);
    for (const TokenId id : table_->tokens_at(node)) inside.push_back({needed, id});
    ++i;
  }
  std::stable_sort(inside.begin(), inside.end(),
                   [](const Counted& a, const Counted& b) { return a.count < b.count; });
  tokens.up_to.resize(kBitSets + 1);
  std::size_t next = 0;
  for (std::size_t n = 0; n <= kBitSets; ++n) {
    tokens.up_to[n].reset(table_->size());
    if (n > 0) tokens.up_to[n].add(tokens.up_to[n - 1]);
    for (; next < inside.size() && inside[next].count <= n; ++next) tokens.up_to[n].add(inside[next].id);
  }
  tokens.longer.assign(inside.begin() + static_cast<std::ptrdiff_t>(next), inside.end());
  keep((kBitSets + 1) * table_->size() / 8 + tokens.longer.size() * sizeof(Counted) + sizeof tokens);
  finish(tokens.exits);
  return loop_tokens_.emplace(state, std::move(tokens)).first->second;
}

std::bitset<256> MaskMaker::first_bytes(const StateSet& set) const {
  std::bitset<256> bytes;
  for (const Configuration& at : set.configurations) {
    for (const ByteEdge& edge : machine_.automaton().states[at.state].bytes) {
      for (unsigned byte = edge.low; byte <= edge.high; ++byte) bytes.set(byte);
    }
  }
  return bytes;
}

template <typename OnToken>
void MaskMaker::walk_behind(const Exits& exits, StackId stack, OnToken&& on_token) {
  if (stack == kTextEnd) return;  // behind the rule is the end of the text
  const Machine::Frame frame = machine_.frame(stack);
  const StateSet behind = machine_.closed({frame.to, 0, frame.below});
  const SetId from = sets_.id_of(behind);
  const std::bitset<256> first = first_bytes(behind);
  const std::span<const TokenTable::Node> nodes = table_->nodes();
  const auto walk_child = [&](NodeIndex child, Count count) {
    walk(child, nodes[child].after, from, [&](NodeIndex i, SetId) {
      for (const TokenId id : table_->tokens_at(nodes[i])) on_token(id, count);
    });
  };
  for (const auto& [exit, count] : exits.list) {
    for (NodeIndex child = exit + 1; child < nodes[exit].after; child = nodes[child].after) {
      if (first[nodes[child].byte]) walk_child(child, count);
    }
  }
  if (exits.by_node.empty()) return;
  for (unsigned byte = 0; byte < 256; ++byte) {
    if (!first[byte]) continue;
    for (const NodeIndex child : table_->nodes_with(static_cast<std::uint8_t>(byte))) {
      const Count count = exits.by_node[nodes[child].parent];
      if (count > 0) walk_child(child, count);
    }
  }
}

const MaskMaker::LeavingTokens& MaskMaker::leaving_tokens(const Configuration& at, const Exits& exits) {
  const std::uint64_t key = std::uint64_t{at.state} << 32 | at.stack;
  if (const auto known = leaving_tokens_.find(key); known != leaving_tokens_.end()) return known->second;
  LeavingTokens leaving;
  walk_behind(exits, at.stack, [&](TokenId id, Count count) { leaving.push_back({count, id}); });
  leaving.shrink_to_fit();
  keep(leaving.size() * sizeof(Counted) + sizeof leaving);
  return leaving_tokens_.emplace(key, std::move(leaving)).first->second;
}

}  // namespace transom::generation
