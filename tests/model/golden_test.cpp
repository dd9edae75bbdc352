// SPDX-License-Identifier: Apache-2.0
// Every family against transformers: tests/golden/README.md says how the expected numbers were made.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/model/expected.h"
#include "tests/support/catch.h"
#include "transom/transom.h"

namespace {

using transom::testing::Expected;
using transom::testing::golden_cases;
namespace fs = std::filesystem;

const fs::path kGolden = fs::path(TRANSOM_SOURCE_DIR) / "tests" / "golden";

/// Largest difference over the root mean square of the expected values.
double relative_error(std::span<const float> actual, std::span<const float> expected) {
  REQUIRE(actual.size() == expected.size());
  double worst = 0, square = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    REQUIRE(std::isfinite(actual[i]));
    worst = std::max(worst, std::fabs(static_cast<double>(actual[i]) - static_cast<double>(expected[i])));
    square += static_cast<double>(expected[i]) * static_cast<double>(expected[i]);
  }
  return worst / std::sqrt(square / static_cast<double>(expected.size()));
}

transom::Model load(const std::string& name, std::string_view dtype) {
  const std::string directory = (kGolden / name).string();
  auto config = transom::AutoConfig::from_pretrained(directory);
  config.update({{"dtype", dtype}, {"max_context", 512}});
  if (dtype == "f32") config.update({{"kv_cache_dtype", "f32"}});
  return transom::AutoModel::from_pretrained(directory, config, {.threads = 2, .pin_threads = false});
}

std::vector<transom::TokenId> continue_greedily(transom::Session& session,
                                                std::span<const transom::TokenId> ids) {
  transom::GenerationConfig generation;
  generation.max_new_tokens = 64;
  generation.do_sample = false;
  generation.ignore_eos = true;
  return session.generate(ids, generation).tokens;
}

}  // namespace

TEST_CASE("golden: there are cases for every family") {
  const auto names = golden_cases(kGolden);
  for (const char* family : {"llama", "mistral", "qwen2", "qwen3"}) {
    const auto count = std::count_if(names.begin(), names.end(),
                                     [&](const std::string& name) { return name.starts_with(family); });
    INFO(family);
    CHECK(count >= 3);
  }
}

TEST_CASE("golden: f32 logits equal transformers' at every position") {
  for (const std::string& name : golden_cases(kGolden)) {
    DYNAMIC_SECTION(name) {
      const Expected expected(kGolden / name);
      const auto ids = expected.get<transom::TokenId>("input_ids");
      const auto logits = expected.get<float>("logits");
      const transom::Model model = load(name, "f32");
      transom::Session session = model.new_session();
      const transom::Logits actual = session.forward(ids, transom::LogitsFor::all);
      const auto vocab = static_cast<std::size_t>(actual.vocab);
      double worst = 0;
      for (std::size_t row = 0; row < ids.size(); ++row) {
        const auto wanted = std::span(logits).subspan(row * vocab, vocab);
        worst = std::max(worst, relative_error(actual.row(static_cast<std::int64_t>(row)), wanted));
      }
      INFO("worst relative error " << worst);
      CHECK(worst < 2e-4);
    }
  }
}

TEST_CASE("golden: the first tokens alone, where rope depends on the length") {
  for (const std::string name : {"llama-dynamic", "llama-longrope"}) {
    DYNAMIC_SECTION(name) {
      const Expected expected(kGolden / name);
      const auto ids = expected.get<transom::TokenId>("input_ids");
      const auto logits = expected.get<float>("prefix_logits");
      transom::Session session = load(name, "f32").new_session();
      const transom::Logits actual = session.forward(std::span(ids).first(60), transom::LogitsFor::all);
      CHECK(relative_error(actual.values, logits) < 2e-4);
    }
  }
}

TEST_CASE("golden: greedy continuation is identical in f32") {
  for (const std::string& name : golden_cases(kGolden)) {
    DYNAMIC_SECTION(name) {
      const Expected expected(kGolden / name);
      const auto ids = expected.get<transom::TokenId>("input_ids");
      transom::Session session = load(name, "f32").new_session();
      CHECK(continue_greedily(session, ids) == expected.get<transom::TokenId>("greedy"));
    }
  }
}

TEST_CASE("golden: bf16 weights, as stored, stay close to the f32 computation") {
  int cases = 0;
  for (const std::string& name : golden_cases(kGolden)) {
    if (!name.ends_with("-bf16")) continue;
    ++cases;
    DYNAMIC_SECTION(name) {
      const Expected expected(kGolden / name);
      const auto ids = expected.get<transom::TokenId>("input_ids");
      const auto logits = expected.get<float>("logits");
      transom::Session session = load(name, "auto").new_session();
      const transom::Logits actual = session.forward(ids, transom::LogitsFor::all);
      double square = 0, difference = 0;
      for (std::size_t i = 0; i < logits.size(); ++i) {
        square += static_cast<double>(logits[i]) * static_cast<double>(logits[i]);
        difference += std::pow(static_cast<double>(actual.values[i]) - static_cast<double>(logits[i]), 2);
      }
      INFO("relative error " << std::sqrt(difference / square));
      CHECK(std::sqrt(difference / square) < 2e-2);
    }
  }
  CHECK(cases >= 3);
}

TEST_CASE("golden: reading the prompt in pieces changes nothing") {
  // Pieces shorter and longer than the windows, and one token at a time across the ring's edge.
  for (const std::string name : {"mistral-window", "qwen2-upper-window", "llama-mha"}) {
    DYNAMIC_SECTION(name) {
      const Expected expected(kGolden / name);
      const auto ids = expected.get<transom::TokenId>("input_ids");
      const auto logits = expected.get<float>("logits");
      const transom::Model model = load(name, "f32");
      for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{33}, std::size_t{200}}) {
        transom::Session session = model.new_session({.prefill_chunk = 16});
        std::vector<float> actual;
        for (std::size_t begin = 0; begin < ids.size(); begin += piece) {
          const auto part = std::span(ids).subspan(begin, std::min(piece, ids.size() - begin));
          const transom::Logits rows = session.forward(part, transom::LogitsFor::all);
          actual.insert(actual.end(), rows.values.begin(), rows.values.end());
        }
        INFO("pieces of " << piece);
        CHECK(relative_error(actual, logits) < 2e-4);
      }
    }
  }
}
