// SPDX-License-Identifier: Apache-2.0
#include "generation/constraint/machine.h"

#include <algorithm>
#include <utility>

#include "core/checks.h"
#include "transom/error.h"

namespace transom::generation {

namespace {

std::uint64_t mix(std::uint64_t value) {
  value *= 0x9E3779B97F4A7C15u;
  return value ^ (value >> 29);
}

}  // namespace

Machine::Machine(std::shared_ptr<const Automaton> automaton) : automaton_(std::move(automaton)) {
  frames_.assign(2, {kNone, kNone, kNone, 0});  // kTextEnd and kUnknownStack
}

std::size_t Machine::FrameHash::operator()(const Frame& frame) const {
  return mix(mix((std::uint64_t{frame.to} << 32 | frame.below)) + frame.loop);
}

StackId Machine::push(StateId to, LoopId loop, StackId below) {
  const Frame frame{to, loop, below, frames_[below].depth + 1};
  if (const auto known = known_frames_.find(frame); known != known_frames_.end()) return known->second;
  if (frame.depth > kMaxStackDepth) {
    throw UnsupportedError(
        core::message("the constrained text is nested deeper than ", kMaxStackDepth, " rules"));
  }
  if (frames_.size() >= kMaxStackNodes) {
    throw UnsupportedError("the constrained text is nested in too many different ways");
  }
  const auto id = static_cast<StackId>(frames_.size());
  frames_.push_back(frame);
  known_frames_.emplace(frame, id);
  return id;
}

void Machine::begin(StateSet& set) {
  work_.clear();
  if (++round_ == 0) {
    slots_.fill({});
    round_ = 1;
  }
  set.configurations.clear();
  set.finished = set.escaped = false;
}

void Machine::add(const Configuration& configuration) {
  const std::uint64_t key = mix(std::uint64_t{configuration.state} << 32 | configuration.stack);
  std::size_t at = mix(key + configuration.count) % kSlots;
  for (; slots_[at].round == round_; at = (at + 1) % kSlots) {
    if (work_[slots_[at].index] == configuration) return;
  }
  if (work_.size() >= kMaxConfigurations || allowance_ == 0) {
    throw UnsupportedError("the constraint is too ambiguous: one text can be read in too many ways");
  }
  --allowance_;
  slots_[at] = {round_, static_cast<std::uint32_t>(work_.size())};
  work_.push_back(configuration);
}

StateSet Machine::closed(const Configuration& configuration) {
  StateSet set;
  begin(set);
  add(configuration);
  close(set);
  return set;
}

void Machine::step(const StateSet& from, std::uint8_t byte, StateSet& to) {
  begin(to);
  for (const Configuration& at : from.configurations) {
    for (const ByteEdge& edge : automaton_->states[at.state].bytes) {
      if (edge.low > byte) break;
      if (byte <= edge.high) add({edge.to, at.count, at.stack});
    }
  }
  close(to);
}

void Machine::close(StateSet& set) {
  for (std::size_t i = 0; i < work_.size(); ++i) {
    const Configuration at = work_[i];
    const State& state = automaton_->states[at.state];
    if (state.in_loop) {
      close_in_loop(at, state, set);
    } else {
      close_in_rule(at, state, set);
    }
  }
  std::sort(set.configurations.begin(), set.configurations.end());
}

void Machine::close_in_loop(const Configuration& at, const State& state, StateSet& set) {
  const Frame frame = frames_[at.stack];
  const Loop& loop = automaton_->loops[frame.loop];
  if (state.accepting) {
    // Without an upper bound counting stops at the lower one: no more states than needed.
    const std::uint32_t last = loop.max == kUnlimited ? loop.min : loop.max;
    return add({loop.entry, std::min(at.count + 1, last), at.stack});
  }
  const bool between = at.state == loop.entry;
  if (between && at.count >= loop.min) add({frame.to, 0, frame.below});
  if (!between || loop.max == kUnlimited || at.count < loop.max) set.configurations.push_back(at);
}

void Machine::close_in_rule(const Configuration& at, const State& state, StateSet& set) {
  if (!state.bytes.empty()) set.configurations.push_back(at);
  if (state.accepting) {
    if (at.stack == kTextEnd) {
      set.finished = true;
    } else if (at.stack == kUnknownStack) {
      set.escaped = true;
    } else {
      const Frame frame = frames_[at.stack];
      add({frame.to, 0, frame.below});
    }
  }
  for (const CallEdge& call : state.calls) {
    if (call.loop != kNone) {
      add({automaton_->loops[call.loop].entry, 0, push(call.to, call.loop, at.stack)});
      continue;
    }
    const State& to = automaton_->states[call.to];
    const bool is_last = to.accepting && to.bytes.empty() && to.calls.empty();
    add({automaton_->rule_entry[call.rule], 0, is_last ? at.stack : push(call.to, kNone, at.stack)});
  }
}

}  // namespace transom::generation
