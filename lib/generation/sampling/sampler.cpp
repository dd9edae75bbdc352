// SPDX-License-Identifier: Apache-2.0
#include "generation/sampling/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/common/token_weight.h"

namespace transom::generation {

namespace {

constexpr float kForbidden = -std::numeric_limits<float>::infinity();

double log_sum_exp(std::span<const float> logits) {
  const float best = *std::max_element(logits.begin(), logits.end());
  if (!std::isfinite(best)) return static_cast<double>(best);
  double total = 0;
  for (const float logit : logits) total += std::exp(static_cast<double>(logit - best));
  return std::log(total) + static_cast<double>(best);
}

/// The first among equals.
TokenId most_probable(std::span<const float> logits) {
  const auto best = std::max_element(logits.begin(), logits.end());
  if (best == logits.end() || *best == kForbidden) fail_no_token();
  return static_cast<TokenId>(best - logits.begin());
}

/// Mirostat 1: how many of the sorted candidates remain, from an estimate of the Zipf exponent.
std::size_t mirostat_count(std::span<const Candidate> sorted, double limit, std::size_t vocab) {
  constexpr std::size_t kEstimateFrom = 100;  // tokens that the estimate looks at, as the authors do
  double weighted = 0, squares = 0;
  for (std::size_t i = 0; i + 1 < std::min(kEstimateFrom, sorted.size()); ++i) {
    if (!(sorted[i + 1].p > 0)) break;
    const double t = std::log(static_cast<double>(i + 2) / static_cast<double>(i + 1));
    const double b = std::log(static_cast<double>(sorted[i].p) / static_cast<double>(sorted[i + 1].p));
    weighted += t * b;
    squares += t * t;
  }
  if (!(squares > 0)) return 1;
  const double s = weighted / squares, e = s - 1;
  const double k = std::pow(e * std::pow(2.0, limit) / (1 - std::pow(static_cast<double>(vocab), -e)), 1 / s);
  if (!(k >= 1)) return 1;  // NaN included
  return k >= static_cast<double>(sorted.size()) ? sorted.size() : static_cast<std::size_t>(k);
}

/// Mirostat 2: those that surprise by at most `limit` bits.
std::size_t unsurprising_count(std::span<const Candidate> sorted, double limit) {
  const double sum = total(sorted);
  std::size_t kept = 1;
  while (kept < sorted.size() && -std::log2(static_cast<double>(sorted[kept].p) / sum) <= limit) ++kept;
  return kept;
}

}  // namespace

Sampler::Sampler(const Settings& settings, std::int64_t vocab, std::uint64_t stream)
    : settings_(settings),
      random_(settings.seed + stream),
      truncator_(settings.truncation, settings.do_sample ? static_cast<std::size_t>(vocab) : 0),
      vocab_(static_cast<std::size_t>(vocab)),
      mirostat_limit_(2 * static_cast<double>(settings.truncation.mirostat_tau)) {}

TokenId Sampler::choose(std::span<const float> logits) {
  if (!settings_.do_sample) return most_probable(logits);
  std::vector<Candidate>& candidates = truncator_.apply(logits, random_);
  return settings_.truncation.mirostat != 0 ? draw_mirostat(candidates) : draw(candidates);
}

TokenId Sampler::choose_truncated(std::span<const float> logits) {
  const TokenId best = most_probable(logits);
  if (!settings_.do_sample) return best;
  std::vector<Candidate> candidates;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] == kForbidden) continue;
    const float p = kernels::relative_probability(logits[i], logits[static_cast<std::size_t>(best)], 1);
    candidates.push_back({logits[i], p, static_cast<TokenId>(i)});
  }
  return draw(candidates);
}

void Sampler::truncate(std::span<float> logits) {
  const std::vector<Candidate>& candidates = truncator_.apply(logits, random_);
  std::fill(logits.begin(), logits.end(), kForbidden);
  for (const Candidate& candidate : candidates)
    logits[static_cast<std::size_t>(candidate.id)] = candidate.logit / settings_.truncation.temperature;
}

/// The first candidate with which the sum of weights exceeds what was drawn.
TokenId Sampler::draw(std::span<const Candidate> candidates) {
  const std::uint64_t random = random_(), sum = total_weight(candidates);
  // Far behind a best one that a filter took away: the best that is left.
  if (sum == 0) return std::ranges::min_element(candidates, better)->id;
  std::uint64_t rest = kernels::drawn_weight(random, sum);
  for (const Candidate& candidate : candidates) {
    const std::uint64_t weight = kernels::token_weight(candidate.p);
    if (rest < weight) return candidate.id;
    rest -= weight;
  }
  return candidates.back().id;  // not reached: the rest is less than the sum
}

model::TokenChoice Sampler::next_choice(std::int64_t usable_vocab) {
  model::TokenChoice choice;
  choice.usable = usable_vocab;
  choice.sample = settings_.do_sample;
  if (!choice.sample) return choice;
  const Truncation& truncation = settings_.truncation;
  choice.temperature = truncation.temperature;
  choice.top_k = truncation.top_k;
  choice.top_p = truncation.top_p;
  choice.min_p = truncation.min_p;
  choice.random = random_();
  return choice;
}

bool Sampler::fits_choice() const {
  const Truncation& truncation = settings_.truncation;
  const bool others = truncation.top_n_sigma > 0 || truncation.top_h < 1 || truncation.typical_p < 1 ||
                      truncation.epsilon_cutoff > 0 || truncation.eta_cutoff > 0 ||
                      truncation.xtc_probability > 0 || truncation.mirostat != 0 ||
                      truncation.min_tokens_to_keep > 1;
  return !settings_.do_sample || !others;
}

/// Basu et al. 2021: keeps tokens up to a surprise that is steered towards the target after each draw.
TokenId Sampler::draw_mirostat(std::vector<Candidate>& candidates) {
  std::sort(candidates.begin(), candidates.end(), better);
  candidates.resize(settings_.truncation.mirostat == 1 ? mirostat_count(candidates, mirostat_limit_, vocab_)
                                                       : unsurprising_count(candidates, mirostat_limit_));
  const TokenId id = draw(candidates);
  const auto drawn = std::find_if(candidates.begin(), candidates.end(),
                                  [&](const Candidate& candidate) { return candidate.id == id; });
  const double surprise = -std::log2(static_cast<double>(drawn->p) / total(candidates));
  mirostat_limit_ -= static_cast<double>(settings_.truncation.mirostat_eta) *
                     (surprise - static_cast<double>(settings_.truncation.mirostat_tau));
  return id;
}

std::vector<TokenId> best_tokens(std::span<const float> logits, std::size_t count) {
  std::vector<TokenId> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0);
  count = std::min(count, ids.size());
  std::partial_sort(
      ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(count), ids.end(), [&](TokenId a, TokenId b) {
        const float x = logits[static_cast<std::size_t>(a)], y = logits[static_cast<std::size_t>(b)];
        return x != y ? x > y : a < b;
      });
  ids.resize(count);
  return ids;
}

TokenLogprobs token_logprobs(std::span<const float> logits, TokenId chosen, int top) {
  const double log_total = log_sum_exp(logits);
  const auto logprob = [&](std::size_t i) {
    return static_cast<float>(static_cast<double>(logits[i]) - log_total);
  };
  TokenLogprobs result;
  result.token = chosen;
  result.logprob = logprob(static_cast<std::size_t>(chosen));
  for (const TokenId id : best_tokens(logits, static_cast<std::size_t>(top)))
    result.top.push_back({id, logprob(static_cast<std::size_t>(id))});
  return result;
}

void log_softmax(std::span<float> logits) {
  const auto log_total = static_cast<float>(log_sum_exp(logits));
  for (float& logit : logits) logit -= log_total;
}

}  // namespace transom::generation
