// SPDX-License-Identifier: Apache-2.0
#include "generation/sampling/truncation.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "generation/sampling/filters.h"
#include "kernels/common/token_weight.h"
#include "transom/error.h"

namespace transom::generation {

namespace {

constexpr float kForbidden = -std::numeric_limits<float>::infinity();

/// Tang et al. 2024: best - n * (standard deviation of the logits that are not forbidden).
float top_n_sigma_threshold(std::span<const float> logits, float n) {
  double sum = 0, squares = 0, count = 0;
  float best = kForbidden;
  for (const float logit : logits) {
    if (logit == kForbidden) continue;
    sum += static_cast<double>(logit);
    squares += static_cast<double>(logit) * static_cast<double>(logit);
    best = std::max(best, logit);
    ++count;
  }
  const double mean = sum / count;
  const double deviation = std::sqrt(std::max(0.0, squares / count - mean * mean));
  return best - n * static_cast<float>(deviation);
}

}  // namespace

double total(std::span<const Candidate> candidates) {
  double sum = 0;
  for (const Candidate& candidate : candidates) sum += static_cast<double>(candidate.p);
  return sum;
}

std::uint64_t total_weight(std::span<const Candidate> candidates) {
  std::uint64_t sum = 0;
  for (const Candidate& candidate : candidates) sum += kernels::token_weight(candidate.p);
  return sum;
}

void fail_no_token() {
  throw InvalidArgument(
      "no token is left to choose: the logits processors and the constraint together forbid every one (or "
      "the "
      "model's logits are no numbers)");
}

Truncator::Truncator(const Truncation& settings, std::size_t vocab) : settings_(settings) {
  candidates_.reserve(vocab);
  values_.reserve(vocab);
}

std::vector<Candidate>& Truncator::apply(std::span<const float> logits, std::mt19937_64& random) {
  const bool all = settings_.mirostat != 0;
  select(logits, all ? kForbidden : threshold(logits));
  if (candidates_.empty()) fail_no_token();
  set_probabilities();
  if (all) return candidates_;
  const std::size_t keep = settings_.min_tokens_to_keep;
  if (settings_.top_p < 1) keep_top_p(candidates_, settings_.top_p, keep);
  if (settings_.min_p > 0) keep_min_p(candidates_, settings_.min_p, keep);
  if (settings_.typical_p < 1) keep_typical(candidates_, settings_.typical_p, keep);
  if (settings_.epsilon_cutoff > 0) keep_above_epsilon(candidates_, settings_.epsilon_cutoff, keep);
  if (settings_.eta_cutoff > 0) keep_above_eta(candidates_, settings_.eta_cutoff, keep);
  if (settings_.xtc_probability > 0 && settings_.xtc_threshold <= 0.5f &&
      uniform(random) < static_cast<double>(settings_.xtc_probability)) {
    exclude_top_choices(candidates_, settings_.xtc_threshold, keep);
  }
  // A draw walks them in this order, which no filter's way of sorting decides, and which a device has too.
  if (!std::ranges::is_sorted(candidates_, {}, &Candidate::id))
    std::ranges::sort(candidates_, {}, &Candidate::id);
  return candidates_;
}

/// The smallest logit that top-n-sigma, top-h and top-k let pass, ties included.
float Truncator::threshold(std::span<const float> logits) {
  float result = kForbidden;
  if (settings_.top_n_sigma > 0) result = top_n_sigma_threshold(logits, settings_.top_n_sigma);
  if (settings_.top_h < 1)
    result = std::max(result, top_h_threshold(logits, settings_.temperature, settings_.top_h));
  const std::size_t k = settings_.top_k == 0 ? 0
                                             : std::max(static_cast<std::size_t>(settings_.top_k),
                                                        settings_.min_tokens_to_keep);
  return k > 0 && k < logits.size() ? std::max(result, kth_largest(logits, k)) : result;
}

float Truncator::kth_largest(std::span<const float> logits, std::size_t k) {
  // A heap of the best so far is hardly ever touched for the usual k: one comparison a token.
  constexpr std::size_t kMostInHeap = 512;
  const auto first = logits.begin() + static_cast<std::ptrdiff_t>(k);
  if (k > kMostInHeap) {
    values_.assign(logits.begin(), logits.end());
    const auto nth = values_.begin() + static_cast<std::ptrdiff_t>(k - 1);
    std::nth_element(values_.begin(), nth, values_.end(), std::greater<>());
    return *nth;
  }
  values_.assign(logits.begin(), first);
  std::make_heap(values_.begin(), values_.end(), std::greater<>());
  for (auto logit = first; logit != logits.end(); ++logit) {
    if (!(*logit > values_.front())) continue;
    std::pop_heap(values_.begin(), values_.end(), std::greater<>());
    values_.back() = *logit;
    std::push_heap(values_.begin(), values_.end(), std::greater<>());
  }
  return values_.front();
}

void Truncator::select(std::span<const float> logits, float threshold) {
  candidates_.clear();
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] >= threshold && logits[i] != kForbidden)
      candidates_.push_back({logits[i], 0, static_cast<TokenId>(i)});
  }
}

/// p = exp((logit - best) / temperature). Infinite logits take all the probability between them.
void Truncator::set_probabilities() {
  float best = kForbidden;
  for (const Candidate& candidate : candidates_) best = std::max(best, candidate.logit);
  const bool infinite = best == std::numeric_limits<float>::infinity();
  if (infinite) std::erase_if(candidates_, [&](const Candidate& c) { return c.logit != best; });
  for (Candidate& candidate : candidates_)
    candidate.p = kernels::relative_probability(candidate.logit, best, settings_.temperature);
}

}  // namespace transom::generation
