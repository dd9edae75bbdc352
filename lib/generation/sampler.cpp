// SPDX-License-Identifier: Apache-2.0
#include "generation/sampler.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "transom/error.h"

namespace transom::generation {

namespace {

constexpr float kForbidden = -std::numeric_limits<float>::infinity();

/// More probable first; among equals the smaller id, so that results do not depend on the sort.
template <typename Candidate>
bool better(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

[[noreturn]] void fail_no_token() {
  throw InvalidArgument(
      "no token is left to choose: every logit is -infinity (or NaN) after the logits processors");
}

}  // namespace

Sampler::Sampler(const Settings& settings, std::int64_t vocab) : settings_(settings), random_(settings.seed) {
  if (settings.do_sample) {
    candidates_.reserve(static_cast<std::size_t>(vocab));
    values_.reserve(static_cast<std::size_t>(vocab));
  }
}

TokenId Sampler::choose(std::span<const float> logits) {
  if (!settings_.do_sample) {
    const auto best = std::max_element(logits.begin(), logits.end());  // the first among equals
    if (best == logits.end() || *best == kForbidden) fail_no_token();
    return static_cast<TokenId>(best - logits.begin());
  }
  select_top_k(logits);
  if (candidates_.empty()) fail_no_token();
  // Probabilities relative to the best candidate: exp((l - max) / T).
  float best = kForbidden;
  for (const Candidate& candidate : candidates_) best = std::max(best, candidate.logit);
  if (best == std::numeric_limits<float>::infinity()) {
    // Infinite logits take all the probability between them.
    std::erase_if(candidates_, [&](const Candidate& candidate) { return candidate.logit != best; });
    for (Candidate& candidate : candidates_) candidate.logit = 1;
  } else {
    for (Candidate& candidate : candidates_)
      candidate.logit = std::exp((candidate.logit - best) / settings_.temperature);
  }
  // From here on `logit` holds a relative probability, 1 for the best.
  if (settings_.top_p < 1) keep_top_p();
  if (settings_.min_p > 0) {
    std::erase_if(candidates_, [&](const Candidate& candidate) { return candidate.logit < settings_.min_p; });
  }
  double total = 0;
  for (const Candidate& candidate : candidates_) total += static_cast<double>(candidate.logit);
  // 53 random bits: the same draw on every platform, unlike std::uniform_real_distribution.
  double draw = static_cast<double>(random_() >> 11) * 0x1p-53 * total;
  for (const Candidate& candidate : candidates_) {
    draw -= static_cast<double>(candidate.logit);
    if (draw < 0) return candidate.id;
  }
  return candidates_.back().id;  // rounding left a rest
}

/// The candidates that top-k lets pass: all whose logit reaches the k-th largest, ties included.
void Sampler::select_top_k(std::span<const float> logits) {
  float threshold = kForbidden;
  const auto k = static_cast<std::size_t>(settings_.top_k);
  if (k > 0 && k < logits.size()) {
    values_.assign(logits.begin(), logits.end());
    const auto nth = values_.begin() + static_cast<std::ptrdiff_t>(k - 1);
    std::nth_element(values_.begin(), nth, values_.end(), std::greater<>());
    threshold = *nth;
  }
  candidates_.clear();
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] >= threshold && logits[i] != kForbidden)
      candidates_.push_back({logits[i], static_cast<TokenId>(i)});
  }
}

/// The smallest set of best candidates whose probability reaches top_p, the crossing one included.
void Sampler::keep_top_p() {
  double total = 0;
  for (const Candidate& candidate : candidates_) total += static_cast<double>(candidate.logit);
  const double wanted = static_cast<double>(settings_.top_p) * total;
  // A heap gives the best ones in order without sorting a whole vocabulary.
  const auto worse = [](const Candidate& a, const Candidate& b) { return better(b, a); };
  std::make_heap(candidates_.begin(), candidates_.end(), worse);
  auto end = candidates_.end();
  double mass = 0;
  while (end != candidates_.begin() && mass < wanted) {
    mass += static_cast<double>(candidates_.front().logit);
    std::pop_heap(candidates_.begin(), end, worse);
    --end;
  }
  candidates_.erase(candidates_.begin(), end);
  std::reverse(candidates_.begin(), candidates_.end());  // best first
}

TokenLogprobs token_logprobs(std::span<const float> logits, TokenId chosen, int top) {
  const float best = *std::max_element(logits.begin(), logits.end());
  double total = 0;
  for (const float logit : logits) total += std::exp(static_cast<double>(logit - best));
  const double log_total = std::log(total) + static_cast<double>(best);
  const auto logprob = [&](std::size_t i) {
    return static_cast<float>(static_cast<double>(logits[i]) - log_total);
  };
  TokenLogprobs result;
  result.token = chosen;
  result.logprob = logprob(static_cast<std::size_t>(chosen));
  std::vector<TokenId> ids(logits.size());
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<TokenId>(i);
  const std::size_t count = std::min(static_cast<std::size_t>(top), ids.size());
  std::partial_sort(
      ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(count), ids.end(), [&](TokenId a, TokenId b) {
        const float x = logits[static_cast<std::size_t>(a)], y = logits[static_cast<std::size_t>(b)];
        return x != y ? x > y : a < b;
      });
  for (std::size_t i = 0; i < count; ++i)
    result.top.push_back({ids[i], logprob(static_cast<std::size_t>(ids[i]))});
  return result;
}

}  // namespace transom::generation
