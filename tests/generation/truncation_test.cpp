// SPDX-License-Identifier: Apache-2.0
// Samplers that transformers has not (the others: golden_test.cpp), and exact distributions.
#include "generation/sampling/truncation.h"

#include <cmath>
#include <set>

#include "generation/sampling/sampler.h"
#include "tests/support/catch.h"

using transom::TokenId;
using transom::generation::Sampler;
using transom::generation::Settings;

namespace {

Settings sampling() {
  Settings settings;
  settings.do_sample = true;
  settings.truncation.top_k = 0;
  settings.seed = 1;
  return settings;
}

std::vector<float> logs(std::vector<float> probabilities) {
  for (float& p : probabilities) p = std::log(p);
  return probabilities;
}

std::set<TokenId> support(const Settings& settings, std::vector<float> logits) {
  Sampler sampler(settings, static_cast<std::int64_t>(logits.size()));
  sampler.truncate(logits);
  std::set<TokenId> left;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (std::isfinite(logits[i])) left.insert(static_cast<TokenId>(i));
  }
  return left;
}

std::vector<float> some_logits(std::size_t n) {
  std::vector<float> logits;
  for (std::size_t i = 0; i < n; ++i) logits.push_back(3 * std::sin(static_cast<float>(i * i + 3 * i)));
  return logits;
}

/// Chi-square of 10^6 draws against the softmax of what the truncations leave; the 0.9999 quantile by Wilson
/// and Hilferty.
void check_distribution(const Settings& settings, const std::vector<float>& logits) {
  std::vector<float> left = logits;
  Sampler(settings, static_cast<std::int64_t>(logits.size())).truncate(left);
  std::vector<double> expected(left.size());
  double total = 0;
  for (std::size_t i = 0; i < left.size(); ++i) total += expected[i] = std::exp(static_cast<double>(left[i]));
  constexpr int kDraws = 1000000;
  std::vector<int> counts(logits.size(), 0);
  Sampler sampler(settings, static_cast<std::int64_t>(logits.size()));
  for (int i = 0; i < kDraws; ++i) ++counts[static_cast<std::size_t>(sampler.choose(logits))];
  double chi = 0, cells = -1;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double wanted = expected[i] / total * kDraws;
    if (wanted == 0) CHECK(counts[i] == 0);
    if (wanted == 0) continue;
    REQUIRE(wanted > 5);
    chi += (counts[i] - wanted) * (counts[i] - wanted) / wanted;
    ++cells;
  }
  REQUIRE(cells >= 2);
  const double k = 2 / (9 * cells);
  CHECK(chi < cells * std::pow(1 - k + 3.719 * std::sqrt(k), 3));
}

}  // namespace

TEST_CASE("sampling: a million draws follow the exact distribution") {
  const std::vector<float> logits = some_logits(40);
  check_distribution(sampling(), logits);
  Settings settings = sampling();
  settings.truncation.temperature = 1.7f;
  settings.truncation.top_k = 12;
  check_distribution(settings, logits);
  settings = sampling();
  settings.truncation.top_p = 0.8f;
  check_distribution(settings, logits);
  settings = sampling();
  settings.truncation.min_p = 0.1f;
  settings.truncation.temperature = 0.7f;
  check_distribution(settings, logits);
  settings = sampling();
  settings.truncation.typical_p = 0.7f;
  settings.truncation.eta_cutoff = 0.01f;
  check_distribution(settings, logits);
}

TEST_CASE("top-n-sigma: as many standard deviations below the best") {
  Settings settings = sampling();
  settings.truncation.top_n_sigma = 1;
  // Mean 2, standard deviation sqrt(10 / 5) = 1.41: tokens from 2.59 on remain.
  CHECK(support(settings, {0, 1, 2, 3, 4}) == std::set<TokenId>{3, 4});
  settings.truncation.top_n_sigma = 2;
  CHECK(support(settings, {0, 1, 2, 3, 4}) == std::set<TokenId>{2, 3, 4});
  // It does not depend on the temperature, and does not see forbidden tokens.
  settings.truncation.temperature = 5;
  CHECK(support(settings, {0, 1, -INFINITY, 2, 3, 4}) == std::set<TokenId>{3, 4, 5});
}

TEST_CASE("xtc: of the top choices only the least probable remains") {
  Settings settings = sampling();
  settings.truncation.xtc_probability = 1;
  settings.truncation.xtc_threshold = 0.1f;
  CHECK(support(settings, logs({0.4f, 0.3f, 0.2f, 0.06f, 0.04f})) == std::set<TokenId>{2, 3, 4});
  CHECK(support(settings, logs({0.9f, 0.06f, 0.04f})).size() == 3);  // one top choice is none too many
  settings.truncation.xtc_threshold = 0.51f;
  CHECK(support(settings, logs({0.5f, 0.5f})).size() == 2);
  // Probabilities before temperature count.
  settings.truncation.xtc_threshold = 0.1f;
  settings.truncation.temperature = 10;
  CHECK(support(settings, logs({0.4f, 0.3f, 0.2f, 0.06f, 0.04f})) == std::set<TokenId>{2, 3, 4});
}

TEST_CASE("xtc: acts as often as its probability says") {
  Settings settings = sampling();
  settings.truncation.xtc_probability = 0.25f;
  Sampler sampler(settings, 3);
  int acted = 0;
  for (int i = 0; i < 20000; ++i) {
    std::vector<float> logits = logs({0.5f, 0.3f, 0.2f});
    sampler.truncate(logits);
    acted += std::isinf(logits[0]) ? 1 : 0;
  }
  CHECK(acted > 4700);
  CHECK(acted < 5300);
}

TEST_CASE("mirostat: the surprise of the text settles at its target") {
  std::vector<float> logits;
  for (int i = 1; i <= 2000; ++i) logits.push_back(-1.1f * std::log(static_cast<float>(i)));
  double total = 0;
  for (const float logit : logits) total += std::exp(static_cast<double>(logit));
  for (const int version : {1, 2}) {
    for (const float tau : {2.0f, 4.0f}) {
      Settings settings = sampling();
      settings.truncation.mirostat = version;
      settings.truncation.mirostat_tau = tau;
      settings.truncation.top_p = 0.01f;  // off with mirostat
      Sampler sampler(settings, 2000);
      // The draw's own surprise counts, within the tokens that remain: it is not more than that of the model.
      double surprise = 0;
      std::set<TokenId> seen;
      for (int i = 0; i < 6000; ++i) {
        const TokenId id = sampler.choose(logits);
        seen.insert(id);
        if (i >= 1000)
          surprise -=
              std::log2(std::exp(static_cast<double>(logits[static_cast<std::size_t>(id)])) / total) / 5000;
      }
      INFO("version " << version << " tau " << tau);
      CHECK(seen.size() > 3);
      CHECK(surprise > static_cast<double>(tau) * 0.8);
      CHECK(surprise < static_cast<double>(tau) * 2.2);
    }
  }
}
