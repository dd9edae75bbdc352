// SPDX-License-Identifier: Apache-2.0
#include "generation/sampling/filters.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "kernels/common/token_weight.h"

namespace transom::generation {

namespace {

/// -sum of p log p, in nats.
double entropy(std::span<const Candidate> candidates, double sum) {
  double result = 0;
  for (const Candidate& candidate : candidates) {
    const double p = static_cast<double>(candidate.p) / sum;
    if (p > 0) result -= p * std::log(p);
  }
  return result;
}

/// Drops what `stays` refuses, except for the `keep` best.
template <typename Stays>
void filter(std::vector<Candidate>& candidates, std::size_t keep, Stays stays) {
  const auto best = candidates.begin() + static_cast<std::ptrdiff_t>(std::min(keep, candidates.size()));
  std::partial_sort(candidates.begin(), best, candidates.end(), better);
  candidates.erase(std::remove_if(best, candidates.end(), std::not_fn(stays)), candidates.end());
}

}  // namespace

void keep_top_p(std::vector<Candidate>& candidates, float mass, std::size_t keep) {
  const std::uint64_t wanted =
      kernels::weight_of_share(kernels::share_in_units(mass), total_weight(candidates));
  // A heap gives the best ones in order without sorting a whole vocabulary.
  const auto worse = [](const Candidate& a, const Candidate& b) { return better(b, a); };
  std::make_heap(candidates.begin(), candidates.end(), worse);
  auto end = candidates.end();
  std::uint64_t reached = 0;
  std::size_t kept = 0;
  while (end != candidates.begin() && (reached < wanted || kept < keep)) {
    reached += kernels::token_weight(candidates.front().p);
    std::pop_heap(candidates.begin(), end, worse);
    --end;
    ++kept;
  }
  candidates.erase(candidates.begin(), end);
}

void keep_min_p(std::vector<Candidate>& candidates, float share, std::size_t keep) {
  filter(candidates, keep,
         [&](const Candidate& candidate) { return candidate.p >= share; });  // the best is 1
}

void keep_typical(std::vector<Candidate>& candidates, float mass, std::size_t keep) {
  struct Distant {
    double distance = 0;
    Candidate candidate;
  };
  const double sum = total(candidates), h = entropy(candidates, sum);
  std::vector<Distant> heap;  // the nearest in front
  heap.reserve(candidates.size());
  for (const Candidate& candidate : candidates)  // one whose probability underflowed is infinitely far
    heap.push_back({std::fabs(-std::log(static_cast<double>(candidate.p) / sum) - h), candidate});
  const auto further = [](const Distant& a, const Distant& b) {
    return a.distance != b.distance ? a.distance > b.distance : better(b.candidate, a.candidate);
  };
  std::make_heap(heap.begin(), heap.end(), further);
  const double wanted = static_cast<double>(mass) * sum;
  double reached = 0, limit = 0;  // the distance of the candidate that crosses
  candidates.clear();
  while (!heap.empty() && (reached < wanted || candidates.size() < keep || heap.front().distance <= limit)) {
    if (reached < wanted) limit = heap.front().distance;
    reached += static_cast<double>(heap.front().candidate.p);
    candidates.push_back(heap.front().candidate);
    std::pop_heap(heap.begin(), heap.end(), further);
    heap.pop_back();
  }
}

void keep_above_epsilon(std::vector<Candidate>& candidates, float epsilon, std::size_t keep) {
  const double bound = static_cast<double>(epsilon) * total(candidates);
  filter(candidates, keep,
         [&](const Candidate& candidate) { return static_cast<double>(candidate.p) >= bound; });
}

void keep_above_eta(std::vector<Candidate>& candidates, float epsilon, std::size_t keep) {
  const double e = static_cast<double>(epsilon), sum = total(candidates);
  const double bound = std::min(e, std::sqrt(e) * std::exp(-entropy(candidates, sum))) * sum;
  filter(candidates, keep,
         [&](const Candidate& candidate) { return static_cast<double>(candidate.p) >= bound; });
}

void exclude_top_choices(std::vector<Candidate>& candidates, float threshold, std::size_t keep) {
  std::sort(candidates.begin(), candidates.end(), better);
  const double best = static_cast<double>(candidates.front().logit);
  double sum = 0;
  const auto share = [&](const Candidate& candidate) {
    return std::exp(static_cast<double>(candidate.logit) - best);
  };
  for (const Candidate& candidate : candidates) sum += share(candidate);
  std::size_t above = 0;
  while (above < candidates.size() && share(candidates[above]) >= static_cast<double>(threshold) * sum)
    ++above;
  if (above < 2) return;
  const std::size_t drop = above - 1;
  if (candidates.size() - drop >= keep)
    candidates.erase(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(drop));
}

float top_h_threshold(std::span<const float> logits, float temperature, float share) {
  constexpr std::size_t kMostTokens = 100;
  std::vector<float> best(std::min(kMostTokens, logits.size()));
  std::partial_sort_copy(logits.begin(), logits.end(), best.begin(), best.end(), std::greater<>());
  std::vector<double> p(best.size()), terms(best.size());
  double sum = 0, h = 0;
  for (std::size_t i = 0; i < best.size(); ++i)
    sum += p[i] = std::exp(static_cast<double>((best[i] - best[0]) / temperature));
  for (std::size_t i = 0; i < best.size(); ++i) {
    terms[i] = p[i] > 0 ? -p[i] / sum * std::log(p[i] / sum) : 0;
    h += terms[i];
  }
  double reached = terms[0];
  std::size_t kept = 1;
  while (kept < best.size() && (reached += terms[kept]) <= h * static_cast<double>(share)) ++kept;
  return best[kept - 1];
}

}  // namespace transom::generation
