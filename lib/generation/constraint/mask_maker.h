// SPDX-License-Identifier: Apache-2.0
/// Which tokens may come next. Three layers, each kept once it is made:
///
/// 1. For a state alone, whoever called its rule: one walk over the vocabulary gives the tokens that stay
/// inside
///    the rule, and the exits: the nodes of the vocabulary's tree where the rule may be left. Strings at any
///    depth of a document share this layer.
/// 2. For a state and its stack: the tokens that leave the rule and go on behind it. Only the subtrees behind
///    exits are walked.
/// 3. In a loop (a counted repetition) both layers note how many repetitions a token needs, so that one walk
///    serves all counts. The count is compared when the mask is put together.
#pragma once

#include <bitset>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "generation/constraint/machine.h"
#include "generation/constraint/token_set.h"
#include "generation/constraint/token_table.h"
#include "generation/constraint/walk_sets.h"

namespace transom::generation {

/// Thread-safe: a lock guards everything. Computing a mask takes microseconds when its layers are there, a
/// few milliseconds when a first walk is needed.
class MaskMaker {
 public:
  MaskMaker(std::shared_ptr<const Automaton> automaton, std::shared_ptr<const TokenTable> table);

  const TokenTable& table() const { return *table_; }
  StateSet start();
  /// Collects the tokens that may come next. @param allowed is overwritten; as many bits as the table has
  /// ids.
  void allow(const StateSet& state, TokenBits& allowed);
  /// Reads bytes. @return False, and `state` unchanged, when they cannot come.
  bool read(std::string_view bytes, StateSet& state);
  /// So many stacks are remembered that a new text had better start with a new object.
  bool worn() const;

 private:
  using NodeIndex = std::uint32_t;
  using Count = std::uint16_t;  // of repetitions within one token
  using SetId = WalkSets::SetId;

  /// Where in the vocabulary's tree a rule or loop may be left, and after how many repetitions (1 for a
  /// rule).
  struct Exits {
    std::vector<std::pair<NodeIndex, Count>> list;
    std::vector<Count> by_node;  // instead of the list when that is long; 0 = no exit
  };
  struct Counted {
    Count count;
    TokenId id;
  };

  /// Layer 1 of a state of a rule.
  struct RuleTokens {
    TokenSet inside;
    Exits exits;
  };
  /// Layer 1 of a state of a loop's body.
  struct LoopTokens {
    std::vector<TokenBits> up_to;  // [n]: the tokens inside that need at most n repetitions
    std::vector<Counted> longer;   // the rest, ascending
    Exits exits;
  };
  /// Layer 2: tokens that leave the rule, or the loop after exactly `count` repetitions.
  using LeavingTokens = std::vector<Counted>;

  void begin_work();
  void allow_in_rule(const Configuration& at, TokenBits& allowed);
  void allow_in_loop(const Configuration& at, TokenBits& allowed);
  const RuleTokens& rule_tokens(StateId state);
  const LoopTokens& loop_tokens(StateId state, StateId entry);
  const LeavingTokens& leaving_tokens(const Configuration& at, const Exits& exits);

  void finish(Exits& exits);
  template <typename OnNode>
  void walk(NodeIndex begin, NodeIndex end, SetId from, OnNode&& on_node);
  /// Calls on_token(token, count) for each token that goes on behind an exit.
  template <typename OnToken>
  void walk_behind(const Exits& exits, StackId stack, OnToken&& on_token);
  std::bitset<256> first_bytes(const StateSet& set) const;
  void keep(std::size_t bytes) { kept_bytes_ += bytes; }

  std::shared_ptr<const TokenTable> table_;
  mutable std::mutex mutex_;
  Machine machine_;
  WalkSets sets_;
  std::vector<SetId> path_;  // of a walk, by depth
  std::unordered_map<StateId, RuleTokens> rule_tokens_;
  std::unordered_map<StateId, LoopTokens> loop_tokens_;
  std::unordered_map<std::uint64_t, LeavingTokens> leaving_tokens_;  // by state and stack
  std::size_t kept_bytes_ = 0;
};

}  // namespace transom::generation
