// SPDX-License-Identifier: Apache-2.0
#include "generation/beams/beam_group.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "generation/sampling/truncation.h"

namespace transom::generation {

namespace {

struct Keyed {
  double key = 0;  // what decides: the score, or a perturbed one
  Continuation continuation;
};

bool ranks_before(const Keyed& a, const Keyed& b) {
  if (a.key != b.key) return a.key > b.key;
  const Continuation &x = a.continuation, &y = b.continuation;
  return x.parent != y.parent ? x.parent < y.parent : x.token < y.token;
}

/// A draw from the Gumbel distribution: the k largest of score + draw are a sample of k without replacement
/// (Vieira 2014, Kool et al. 2019).
double gumbel(std::mt19937_64& random) {
  const double u = std::max(uniform(random), 0x1p-54);
  return -std::log(-std::log(u));
}

}  // namespace

std::vector<Continuation> best_continuations(std::span<const Beam> beams, std::span<const float> log_probs,
                                             std::size_t count, std::mt19937_64* random) {
  const std::size_t vocab = log_probs.size() / beams.size();
  std::vector<Keyed> heap;  // the worst one in front
  for (std::size_t i = 0; i < log_probs.size(); ++i) {
    if (log_probs[i] == -std::numeric_limits<float>::infinity()) continue;
    const std::size_t parent = i / vocab;
    const float score = beams[parent].score + log_probs[i];
    const double key = static_cast<double>(score) + (random != nullptr ? gumbel(*random) : 0);
    if (heap.size() == count && !(key > heap.front().key)) continue;
    if (heap.size() == count) {
      std::pop_heap(heap.begin(), heap.end(), ranks_before);
      heap.pop_back();
    }
    heap.push_back({key, {parent, static_cast<TokenId>(i % vocab), score}});
    std::push_heap(heap.begin(), heap.end(), ranks_before);
  }
  for (Keyed& keyed : heap) keyed.key = static_cast<double>(keyed.continuation.score);
  std::sort(heap.begin(), heap.end(), ranks_before);
  std::vector<Continuation> best;
  for (const Keyed& keyed : heap) best.push_back(keyed.continuation);
  return best;
}

BeamGroup::BeamGroup(const Settings& settings, std::size_t size, std::int64_t max_new_tokens,
                     const Beam& first)
    : settings_(settings.beam),
      size_(size),
      eos_count_(settings.eos_token_ids.size()),
      max_new_tokens_(max_new_tokens),
      running_(1, first) {}

std::size_t BeamGroup::candidates() const { return std::max(std::size_t{2}, 1 + eos_count_) * size_; }

void BeamGroup::advance(std::span<const Step> steps, const std::function<Beam(const Continuation&)>& make) {
  std::vector<Beam> next;
  parents_.clear();
  bool all_ended = true;
  const auto length = static_cast<std::int64_t>(running_.front().tokens.size()) + 1;
  // Only continuations among the best `size_` may finish: the others are there to go on in their place.
  const bool closed = (full() && settings_.early_stopping == EarlyStopping::yes) || !can_improve_;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto& [continuation, ends] = steps[i];
    all_ended &= ends.has_value();
    if (!ends && next.size() < size_) {
      next.push_back(make(continuation));
      parents_.push_back(continuation.parent);
    } else if (ends && i < size_ && !closed) {
      finish({make(continuation), normalised(continuation.score, length), *ends});
    }
  }
  running_ = std::move(next);
  judge(length, all_ended);
}

float BeamGroup::normalised(float score, std::int64_t length) const {
  return score / std::pow(static_cast<float>(length), settings_.length_penalty);
}

/// Keeps the best size_ finished texts.
void BeamGroup::finish(FinishedBeam beam) {
  const auto at = std::find_if(finished_.begin(), finished_.end(),
                               [&](const FinishedBeam& other) { return beam.score > other.score; });
  finished_.insert(at, std::move(beam));
  if (finished_.size() > size_) finished_.pop_back();
}

/// Whether the search goes on after a step that made texts of `length` tokens.
void BeamGroup::judge(std::int64_t length, bool all_ended) {
  if (running_.empty() || all_ended) {
    done_ = true;
    return;
  }
  const bool hopeful = settings_.early_stopping == EarlyStopping::never && settings_.length_penalty > 0;
  const float best = normalised(running_.front().score, hopeful ? max_new_tokens_ : length);
  can_improve_ = can_improve_ && (!full() || best > finished_.back().score);
  done_ = !can_improve_ || (full() && settings_.early_stopping == EarlyStopping::yes);
}

void BeamGroup::end_all(FinishReason reason) {
  if (done_) return;
  for (Beam& beam : running_) {
    const auto length = std::max(static_cast<std::int64_t>(beam.tokens.size()), std::int64_t{1});
    finish({std::move(beam), normalised(beam.score, length), reason});
  }
  running_.clear();
  done_ = true;
}

}  // namespace transom::generation
