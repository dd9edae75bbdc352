// SPDX-License-Identifier: Apache-2.0
// Speculative sampling draws from the model's own distribution. With one seed it draws the very tokens that
// are drawn without (speculation_test.cpp); here the seeds differ, so that only the distribution can agree.
#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/byte_model.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"
#include "transom/transom.h"

using namespace transom;

namespace {

constexpr std::size_t kVocab = 258, kDraws = 4000;
// The first token is drawn before anything is guessed; the ones behind it are drawn where a guess is checked,
// or behind one that was right.
constexpr std::array<std::size_t, 3> kPositions{0, 1, 3};
constexpr std::size_t kNewTokens = kPositions.back() + 2;  // nothing is guessed for the last token

Model byte_model(const testing::TemporaryDirectory& files, std::string_view quantization) {
  testing::write_byte_model(files / "model");
  auto config = AutoConfig::from_pretrained((files / "model").string());
  config.update({{"quantization", std::string(quantization)}});
  return AutoModel::from_pretrained((files / "model").string(), config, {.threads = 1, .pin_threads = false});
}

/// How often each token was drawn at each of kPositions.
struct Draws {
  std::array<std::vector<double>, kPositions.size()> counts;
  std::int64_t drafted = 0, accepted = 0;
};

GenerationConfig sampling(float temperature = 1) {
  return {.max_new_tokens = static_cast<int>(kNewTokens),
          .do_sample = true,
          .temperature = temperature,
          .top_k = 0,
          .ignore_eos = true};
}

Draws draw(const Model& model, const std::vector<TokenId>& prompt, GenerationConfig config,
           std::uint64_t first_seed) {
  Draws draws;
  for (auto& counts : draws.counts) counts.assign(kVocab, 0);
  Session read = model.new_session({.max_context = 512});
  read.forward(prompt);
  for (std::uint64_t seed = first_seed; seed < first_seed + kDraws; ++seed) {
    config.seed = seed;
    Session session = read.fork();
    const Generation drawn = session.generate("", config);
    for (std::size_t i = 0; i < kPositions.size(); ++i)
      ++draws.counts[i][static_cast<std::size_t>(drawn.tokens[kPositions[i]])];
    draws.drafted += drawn.timings.drafted_tokens;
    draws.accepted += drawn.timings.accepted_tokens;
  }
  return draws;
}

/// Pearson's statistic for the hypothesis that two samples of equal size have one distribution, over what it
/// is at most with a probability of 0.999. Rare tokens share a cell.
double chi_square_over_quantile(const std::vector<double>& a, const std::vector<double>& b) {
  constexpr double kLeast = 10;  // of both samples in a cell: 5 expected in each
  double statistic = 0, rare_a = 0, rare_b = 0, cells = 0;
  const auto add = [&](double in_a, double in_b) {
    statistic += (in_a - in_b) * (in_a - in_b) / (in_a + in_b);
    ++cells;
  };
  for (std::size_t id = 0; id < a.size(); ++id) {
    if (a[id] + b[id] >= kLeast) {
      add(a[id], b[id]);
    } else {
      rare_a += a[id];
      rare_b += b[id];
    }
  }
  if (rare_a + rare_b >= kLeast) add(rare_a, rare_b);
  REQUIRE(cells > 10);
  // Wilson and Hilferty 1931; 3.0902 is the same quantile of the normal distribution.
  const double freedom = cells - 1, spread = 2 / (9 * freedom);
  return statistic / (freedom * std::pow(1 - spread + 3.0902 * std::sqrt(spread), 3));
}

}  // namespace

TEST_CASE("speculation: the quantiles that draws are held against are those of the tables") {
  // Twenty of each token in one sample and none in the other: each cell adds 20 to the statistic.
  for (const auto& [cells, quantile] :
       {std::pair{11, 29.588}, std::pair{31, 59.703}, std::pair{101, 149.449}}) {
    std::vector<double> a(static_cast<std::size_t>(cells), 20), b(static_cast<std::size_t>(cells), 0);
    CHECK(chi_square_over_quantile(a, b) == Approx(20 * cells / quantile).epsilon(0.01));
  }
}

TEST_CASE("speculation: samples have the distribution that they have without guesses (chi-square)",
          "[long]") {
  const testing::TemporaryDirectory files, rough_files;
  const Model model = byte_model(files, "none");
  // What the model wrote itself is looked up with some success.
  std::vector<TokenId> prompt(8, 'a');
  const auto begun = model.generate(
      prompt, {.max_new_tokens = 60, .do_sample = true, .temperature = 0.5f, .seed = 3, .ignore_eos = true});
  prompt.insert(prompt.end(), begun.tokens.begin(), begun.tokens.end());

  GenerationConfig lookup = sampling(), assisted = sampling();
  lookup.prompt_lookup_num_tokens = 4;
  assisted.assistant_model = std::make_shared<const Model>(byte_model(rough_files, "int4"));
  assisted.num_assistant_tokens = 4;
  const Draws plain = draw(model, prompt, sampling(), 0);
  std::uint64_t seed = kDraws;
  for (const GenerationConfig& guessing : {lookup, assisted}) {
    const Draws guessed = draw(model, prompt, guessing, seed);
    seed += kDraws;
    // Right and wrong guesses both took part.
    CHECK(guessed.accepted > static_cast<std::int64_t>(kDraws / 20));
    CHECK(guessed.drafted - guessed.accepted > static_cast<std::int64_t>(kDraws / 20));
    for (std::size_t i = 0; i < kPositions.size(); ++i) {
      INFO("position " << kPositions[i]);
      CHECK(chi_square_over_quantile(plain.counts[i], guessed.counts[i]) < 1);
    }
  }
  // Another distribution does not pass.
  const Draws cooler = draw(model, prompt, sampling(0.7f), seed);
  for (std::size_t i = 0; i < kPositions.size(); ++i) {
    CHECK(chi_square_over_quantile(plain.counts[i], cooler.counts[i]) > 2);
  }
}
