// SPDX-License-Identifier: Apache-2.0
#include "generation/processors/dry.h"

#include <cmath>
#include <map>
#include <random>

#include "tests/support/catch.h"
#include "tests/support/paths.h"
#include "transom/auto_tokenizer.h"

using transom::TokenId;
using transom::Tokenizer;
using transom::generation::Dry;
using transom::generation::DrySettings;

namespace {

const Tokenizer& stories() {
  static const Tokenizer tokenizer =
      transom::AutoTokenizer::from_pretrained(transom::testing::tinystories().string());
  return tokenizer;
}

/// What each token loses.
std::map<TokenId, float> penalties(const DrySettings& settings, const std::vector<TokenId>& text,
                                   const Tokenizer* tokenizer = nullptr) {
  std::vector<float> logits(4096, 0);
  Dry(settings, tokenizer).apply(text, logits);
  std::map<TokenId, float> result;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] != 0) result[static_cast<TokenId>(i)] = -logits[i];
  }
  return result;
}

/// The definition, compared token by token: for each earlier place, how far the text before it equals the
/// end.
std::map<TokenId, float> by_definition(const DrySettings& settings, const std::vector<TokenId>& text) {
  std::map<TokenId, std::size_t> longest;
  for (std::size_t next = 1; next < text.size(); ++next) {
    std::size_t n = 0;
    while (n < next && text[next - 1 - n] == text[text.size() - 1 - n]) ++n;
    if (n >= static_cast<std::size_t>(settings.allowed_length))
      longest[text[next]] = std::max(longest[text[next]], n);
  }
  std::map<TokenId, float> result;
  for (const auto& [id, n] : longest) {
    result[id] = settings.multiplier *
                 std::pow(settings.base, static_cast<float>(n) - static_cast<float>(settings.allowed_length));
  }
  return result;
}

}  // namespace

TEST_CASE("dry: what would prolong a repetition is penalised by its length") {
  const DrySettings settings{.multiplier = 2, .base = 3};
  CHECK(penalties(settings, {1, 2, 3, 9, 1, 2}) == std::map<TokenId, float>{{3, 2.0f}});
  CHECK(penalties(settings, {1, 2, 3, 4, 9, 1, 2, 3}) == std::map<TokenId, float>{{4, 6.0f}});
  CHECK(penalties(settings, {1, 2, 3}).empty());
  CHECK(penalties(settings, {2, 5, 2}).empty());  // one token is free
}

TEST_CASE("dry: random texts as the definition says") {
  std::mt19937 random(4);
  for (int round = 0; round < 300; ++round) {
    std::vector<TokenId> text(1 + random() % 40);
    for (TokenId& id : text) id = static_cast<TokenId>(random() % 3);
    const DrySettings settings{
        .multiplier = 0.8f, .base = 1.75f, .allowed_length = 1 + static_cast<int>(random() % 4)};
    const auto expected = by_definition(settings, text), actual = penalties(settings, text);
    REQUIRE(actual.size() == expected.size());
    for (const auto& [id, penalty] : expected) CHECK(actual.at(id) == Approx(penalty));
  }
}

TEST_CASE("dry: looks back as far as it is told") {
  const std::vector<TokenId> text{1, 2, 3, 9, 1, 2};
  CHECK(penalties({.multiplier = 1, .last_n = 5}, text).empty());
  CHECK(penalties({.multiplier = 1, .last_n = 6}, text).size() == 1);
  CHECK(penalties({.multiplier = 1, .last_n = 0}, text).empty());
}

TEST_CASE("dry: a long repetition stays a number") {
  const std::vector<TokenId> text(3000, 7);
  const auto result = penalties({.multiplier = 1, .base = 2}, text);
  CHECK(std::isfinite(result.at(7)));
  CHECK(result.at(7) > 1e30f);
}

TEST_CASE("dry: repetitions do not reach across breakers") {
  const std::string sentence = " the big dog ran home";
  const auto once = stories().encode(sentence, {.add_special_tokens = false});
  const TokenId stop = 4;
  std::vector<TokenId> twice = once;
  twice.push_back(stop);
  twice.insert(twice.end(), once.begin(), once.end());
  const DrySettings free{.multiplier = 1, .breakers = {}};
  const auto without = penalties(free, twice, &stories());
  REQUIRE(without.contains(stop));
  // The breaker stands between "dog" and "ran home": only two tokens are left to repeat.
  DrySettings broken = free;
  broken.breakers = {"dog"};
  const auto with = penalties(broken, twice, &stories());
  CHECK((!with.contains(stop) || with.at(stop) < without.at(stop)));
  // Spread over two tokens it breaks as well.
  broken.breakers = {"g r"};
  const auto spread = penalties(broken, twice, &stories());
  CHECK((!spread.contains(stop) || spread.at(stop) < without.at(stop)));
  broken.breakers = {"home"};
  CHECK(penalties(broken, twice, &stories()).empty());
}
