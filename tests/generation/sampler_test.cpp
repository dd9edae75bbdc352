// SPDX-License-Identifier: Apache-2.0
#include "generation/sampling/sampler.h"

#include <cmath>
#include <limits>
#include <set>

#include "tests/support/catch.h"
#include "transom/error.h"

using transom::TokenId;
using transom::generation::Sampler;
using transom::generation::Settings;

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

Settings sampling(std::uint64_t seed = 1) {
  Settings settings;
  settings.do_sample = true;
  settings.truncation.top_k = 0;
  settings.seed = seed;
  return settings;
}

/// How often each token is drawn.
std::vector<double> frequencies(const Settings& settings, const std::vector<float>& logits, int draws) {
  Sampler sampler(settings, static_cast<std::int64_t>(logits.size()));
  std::vector<double> counts(logits.size(), 0);
  for (int i = 0; i < draws; ++i) counts[static_cast<std::size_t>(sampler.choose(logits))] += 1.0 / draws;
  return counts;
}

std::set<TokenId> support(const Settings& settings, const std::vector<float>& logits) {
  Sampler sampler(settings, static_cast<std::int64_t>(logits.size()));
  std::set<TokenId> seen;
  for (int i = 0; i < 5000; ++i) seen.insert(sampler.choose(logits));
  return seen;
}

std::vector<float> logs(std::vector<float> probabilities) {
  for (float& p : probabilities) p = std::log(p);
  return probabilities;
}

}  // namespace

TEST_CASE("sampler: greedy takes the first of the largest") {
  const Settings settings;
  Sampler sampler(settings, 4);
  CHECK(sampler.choose(std::vector<float>{1, 3, 3, 2}) == 1);
  CHECK(sampler.choose(std::vector<float>{-kInf, -5, -kInf, -6}) == 1);
  CHECK_THROWS_AS(sampler.choose(std::vector<float>{-kInf, -kInf}), transom::InvalidArgument);
}

TEST_CASE("sampler: draws follow the softmax (chi-square)") {
  const std::vector<float> probabilities{0.4f, 0.3f, 0.15f, 0.1f, 0.05f};
  constexpr int kDraws = 200000;
  const auto measured = frequencies(sampling(), logs(probabilities), kDraws);
  double chi = 0;
  for (std::size_t i = 0; i < measured.size(); ++i) {
    const auto p = static_cast<double>(probabilities[i]);
    chi += kDraws * (measured[i] - p) * (measured[i] - p) / p;
  }
  CHECK(chi < 23.5);  // 4 degrees of freedom, p = 0.0001
}

TEST_CASE("sampler: temperature sharpens and flattens") {
  Settings settings = sampling();
  settings.truncation.temperature = 0.5f;
  // Probabilities 0.8 : 0.2 become 0.64 : 0.04.
  const auto measured = frequencies(settings, logs({0.8f, 0.2f}), 100000);
  CHECK(measured[0] == Approx(0.64 / 0.68).margin(0.01));
}

TEST_CASE("sampler: top-k keeps ties") {
  Settings settings = sampling();
  settings.truncation.top_k = 2;
  CHECK(support(settings, {5, 4, 4, 3, 1}) == std::set<TokenId>{0, 1, 2});
  settings.truncation.top_k = 1;
  CHECK(support(settings, {5, 4, 5, 3}) == std::set<TokenId>{0, 2});
  settings.truncation.top_k = 100;
  CHECK(support(settings, {1, 1, 1}).size() == 3);
}

TEST_CASE("sampler: top-p keeps the token that crosses") {
  Settings settings = sampling();
  settings.truncation.top_p = 0.75f;
  CHECK(support(settings, logs({0.1f, 0.5f, 0.3f, 0.1f})) == std::set<TokenId>{1, 2});
  settings.truncation.top_p = 0.05f;
  CHECK(support(settings, logs({0.1f, 0.5f, 0.3f, 0.1f})) == std::set<TokenId>{1});
}

TEST_CASE("sampler: top-p works on what top-k left") {
  Settings settings = sampling();
  settings.truncation.top_k = 2;
  settings.truncation.top_p = 0.6f;
  // Among the two that are left, 0.5 / 0.8 = 0.625 reaches 0.6 alone.
  CHECK(support(settings, logs({0.5f, 0.3f, 0.2f})) == std::set<TokenId>{0});
}

TEST_CASE("sampler: min-p is relative to the best") {
  Settings settings = sampling();
  settings.truncation.min_p = 0.5f;
  CHECK(support(settings, logs({0.4f, 0.25f, 0.19f, 0.16f})) == std::set<TokenId>{0, 1});
}

TEST_CASE("sampler: the same seed draws the same") {
  const std::vector<float> logits{1, 2, 3, 2, 1, 0};
  const auto draw = [&](std::uint64_t seed) {
    const Settings settings = sampling(seed);
    Sampler sampler(settings, 6);
    std::vector<TokenId> drawn;
    for (int i = 0; i < 50; ++i) drawn.push_back(sampler.choose(logits));
    return drawn;
  };
  CHECK(draw(3) == draw(3));
  CHECK(draw(3) != draw(4));
}

TEST_CASE("sampler: infinite logits") {
  Settings settings = sampling();
  CHECK(support(settings, {1, kInf, 2, kInf}) == std::set<TokenId>{1, 3});
  CHECK(support(settings, {-kInf, 2, -kInf}) == std::set<TokenId>{1});
  Sampler sampler(settings, 2);
  CHECK_THROWS_AS(sampler.choose(std::vector<float>{-kInf, -kInf}), transom::InvalidArgument);
}

TEST_CASE("sampler: log-probabilities") {
  const auto result = transom::generation::token_logprobs(logs({0.5f, 0.3f, 0.2f}), 2, 2);
  CHECK(result.token == 2);
  CHECK(result.logprob == Approx(std::log(0.2)).epsilon(1e-5));
  REQUIRE(result.top.size() == 2);
  CHECK(result.top[0].token == 0);
  CHECK(result.top[1].logprob == Approx(std::log(0.3)).epsilon(1e-5));
}
