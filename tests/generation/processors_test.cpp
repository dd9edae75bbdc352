// SPDX-License-Identifier: Apache-2.0
#include "generation/processors/processors.h"

#include <cmath>
#include <limits>

#include "tests/support/catch.h"

using transom::TokenId;
using transom::generation::Processors;
using transom::generation::Settings;

namespace {

std::vector<float> apply(Settings settings, const std::vector<TokenId>& so_far, std::int64_t new_tokens,
                         std::vector<float> logits, std::int64_t usable = 1000) {
  const auto vocab = static_cast<std::int64_t>(logits.size());
  settings.prompt_tokens = static_cast<std::int64_t>(so_far.size()) - new_tokens;
  Processors processors(settings, vocab, std::min(usable, vocab), nullptr);
  processors.apply(so_far, logits);
  return logits;
}

}  // namespace

TEST_CASE("processors: nothing asked, nothing changed") {
  CHECK(apply({}, {0, 1}, 1, {1, -2, 3}) == std::vector<float>{1, -2, 3});
}

TEST_CASE("processors: the repetition penalty counts each id once") {
  Settings settings;
  settings.repetition_penalty = 2;
  CHECK(apply(settings, {0, 1, 0, 0}, 2, {4, -4, 4}) == std::vector<float>{2, -8, 4});
}

TEST_CASE("processors: the penalty starts anew at each token") {
  Settings settings;
  settings.repetition_penalty = 2;
  Processors processors(settings, 2, 2, nullptr);
  for (int i = 0; i < 3; ++i) {
    std::vector<float> logits{4, 4};
    processors.apply(std::vector<TokenId>{1}, logits);
    CHECK(logits == std::vector<float>{4, 2});
  }
}

TEST_CASE("processors: eos is impossible before min_new_tokens") {
  Settings settings;
  settings.min_new_tokens = 2;
  settings.eos_token_ids = {1, 2, 77};
  CHECK(std::isinf(apply(settings, {0}, 1, {0, 1, 2})[1]));
  CHECK(std::isinf(apply(settings, {0}, 1, {0, 1, 2})[2]));
  CHECK(apply(settings, {0, 0}, 2, {0, 1, 2}) == std::vector<float>{0, 1, 2});
}

TEST_CASE("processors: bias, then the user's, in order") {
  Settings settings;
  settings.logit_bias = {{0, 5.0f}};
  settings.processors.push_back([](std::span<const TokenId> so_far, std::span<float> logits) {
    logits[0] *= static_cast<float>(so_far.size());
  });
  settings.processors.push_back([](std::span<const TokenId>, std::span<float> logits) { logits[0] += 1; });
  CHECK(apply(settings, {9, 9, 9}, 0, {1, 0})[0] == (1 + 5) * 3 + 1);
}

TEST_CASE("processors: NaN and padding ids are never chosen") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto logits = apply({}, {}, 0, {nan, 1, 2, 3}, 3);
  CHECK((std::isinf(logits[0]) && logits[0] < 0));
  CHECK(logits[2] == 2);
  CHECK((std::isinf(logits[3]) && logits[3] < 0));
}

TEST_CASE("processors: frequency and presence penalties count what was generated") {
  Settings settings;
  settings.frequency_penalty = 0.5f;
  settings.presence_penalty = 2;
  // The first two tokens are the prompt; 1 was generated twice, 2 once.
  CHECK(apply(settings, {0, 3, 1, 2, 1}, 3, {10, 10, 10, 10}) == std::vector<float>{10, 7, 7.5f, 10});
  settings.presence_penalty = 0;
  settings.frequency_penalty = -1;  // negative: prefer repetition
  CHECK(apply(settings, {0, 1}, 1, {1, 1}) == std::vector<float>{1, 2});
}
