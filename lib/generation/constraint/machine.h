// SPDX-License-Identifier: Apache-2.0
/// Runs an Automaton over bytes, along all ways to read the text at once.
///
/// A configuration is a state and the stack of what was called to get there. Stacks are shared lists in a
/// pool and are named by number; equal stacks have equal numbers. A last call (nothing follows it in its
/// rule) pushes nothing, so right recursion needs no depth.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "generation/constraint/automaton.h"
#include "generation/constraint/limits.h"

namespace transom::generation {

using StackId = std::uint32_t;
inline constexpr StackId kTextEnd = 0;       ///< nothing is open: what ends here ends the text
inline constexpr StackId kUnknownStack = 1;  ///< somebody called, no matter who

struct Configuration {
  StateId state;
  std::uint32_t count;  ///< repetitions that are complete, in a loop; else 0
  StackId stack;
  auto operator<=>(const Configuration&) const = default;
};

/// All ways that the text so far can be read.
struct StateSet {
  std::vector<Configuration> configurations;  ///< those that can read a byte
  bool finished = false;                      ///< the text may end here
  bool escaped = false;                       ///< something above kUnknownStack may end here

  bool dead() const { return configurations.empty() && !finished && !escaped; }
  bool operator==(const StateSet&) const = default;
};

/// Not thread-safe: one caller at a time.
class Machine {
 public:
  explicit Machine(std::shared_ptr<const Automaton> automaton);

  struct Frame {
    StateId to;  // where to go on after the end of what was called
    LoopId loop;
    StackId below;
    std::uint32_t depth;
  };
  const Frame& frame(StackId id) const { return frames_[id]; }
  std::size_t stack_nodes() const { return frames_.size(); }
  const Automaton& automaton() const { return *automaton_; }

  /// Before anything is read.
  StateSet start() { return closed({automaton_->start, 0, kTextEnd}); }
  /// What can be read when one configuration is reached.
  StateSet closed(const Configuration& configuration);
  /// @param to Is overwritten; must not be `from`.
  /// @throws UnsupportedError beyond kMaxConfigurations, kMaxStackDepth, kMaxStackNodes or the allowance.
  void step(const StateSet& from, std::uint8_t byte, StateSet& to);

  /// How many configurations may be made until the next call of this.
  void set_allowance(std::size_t configurations) { allowance_ = configurations; }

 private:
  void begin(StateSet& set);
  void add(const Configuration& configuration);
  void close(StateSet& set);
  void close_in_loop(const Configuration& at, const State& state, StateSet& set);
  void close_in_rule(const Configuration& at, const State& state, StateSet& set);
  StackId push(StateId to, LoopId loop, StackId below);

  struct FrameHash {
    std::size_t operator()(const Frame& frame) const;
  };
  struct FrameEqual {
    bool operator()(const Frame& a, const Frame& b) const {
      return a.to == b.to && a.loop == b.loop && a.below == b.below;
    }
  };

  std::shared_ptr<const Automaton> automaton_;
  std::vector<Frame> frames_;
  std::unordered_map<Frame, StackId, FrameHash, FrameEqual> known_frames_;

  // The closure that is being made: every configuration met so far, in order, and a table to find them.
  static constexpr std::size_t kSlots = 4 * kMaxConfigurations;
  std::vector<Configuration> work_;
  struct Slot {
    std::uint32_t round = 0;
    std::uint32_t index = 0;
  };
  std::array<Slot, kSlots> slots_{};
  std::uint32_t round_ = 0;
  std::size_t allowance_ = 0;
};

}  // namespace transom::generation
