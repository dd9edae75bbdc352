// SPDX-License-Identifier: Apache-2.0
/// The bookkeeping of beam search, as transformers' vectorised implementation defines it: which continuations
/// survive, which texts are finished, and when nothing can improve any more. Knows nothing of models.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <span>
#include <vector>

#include "generation/constraint/constraint.h"
#include "generation/settings.h"
#include "transom/generation.h"

namespace transom::generation {

/// A text that grows.
struct Beam {
  std::vector<TokenId> tokens;  // generated so far
  float score = 0;              // sum of the processed log-probabilities
  std::vector<TokenLogprobs> logprobs;
  std::optional<Matcher> matcher;  // where the text stands in its constraint
};

/// A text that ended.
struct FinishedBeam {
  Beam beam;
  float score = 0;  // beam.score / length ^ length_penalty
  FinishReason reason = FinishReason::length;
};

/// A possible next token of one beam.
struct Continuation {
  std::size_t parent = 0;  // index of the beam
  TokenId token = 0;
  float score = 0;  // of the text that it makes
};

/// The best `count` continuations of beams whose scores are rows of `log_probs` [beams, vocab], best first;
/// with `random`, that many are drawn without replacement from their distribution instead.
std::vector<Continuation> best_continuations(std::span<const Beam> beams, std::span<const float> log_probs,
                                             std::size_t count, std::mt19937_64* random);

class BeamGroup {
 public:
  /// @param size Beams of this group. @param first The one that all begin from.
  BeamGroup(const Settings& settings, std::size_t size, std::int64_t max_new_tokens, const Beam& first);

  /// Beams to be continued; their number is one at first and size() later.
  std::vector<Beam>& running() { return running_; }
  const std::vector<Beam>& running() const { return running_; }
  bool done() const { return done_; }
  /// How many continuations a step looks at: enough that EOS can not take the place of every open text.
  std::size_t candidates() const;

  /// What became of a continuation.
  struct Step {
    Continuation continuation;
    std::optional<FinishReason> ends;
  };
  /// Takes the step: @param steps candidates() continuations, best first. @param make Builds the beam of one.
  /// Afterwards running()[i] continues the earlier beam parents()[i].
  void advance(std::span<const Step> steps, const std::function<Beam(const Continuation&)>& make);
  const std::vector<std::size_t>& parents() const { return parents_; }

  /// Ends every open beam where it stands.
  void end_all(FinishReason reason);
  std::vector<FinishedBeam>& finished() { return finished_; }

 private:
  float normalised(float score, std::int64_t length) const;
  bool full() const { return finished_.size() == size_; }
  void finish(FinishedBeam beam);
  void judge(std::int64_t length, bool all_ended);

  const BeamSettings& settings_;
  std::size_t size_, eos_count_;
  std::int64_t max_new_tokens_;
  std::vector<Beam> running_;
  std::vector<std::size_t> parents_;
  std::vector<FinishedBeam> finished_;  // best first, at most size_
  bool can_improve_ = true, done_ = false;
};

}  // namespace transom::generation
