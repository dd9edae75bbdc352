// SPDX-License-Identifier: Apache-2.0
// What a log stride and ages 2^k see beyond the window.
#include <cmath>
#include <vector>

#include "tests/kernels/attention_layer.h"

namespace transom::testing {

TEST_CASE("attention with a log stride agrees with its definition") {
  for (const KvType type : {KvType::f32, KvType::bf16, KvType::i8, KvType::e4m3}) {
    for (const std::int64_t window : {1, 5, 16, 33}) {
      for (const std::size_t parts : {1, 3}) {
        Setup setup;
        setup.type = type;
        setup.window = window;
        setup.n_heads = window == 1 ? 2 : window == 5 ? 12 : window == 16 ? 18 : 6;
        setup.head_dim = parts == 1 ? 64 : 72;
        setup.soft_cap = window == 5 ? 1.5f : 0.0f;
        setup.parts = parts;
        // The last level ends before the text does: what is older is seen no more.
        setup.n_levels = window == 33 ? 2 : 4;
        constexpr std::size_t kChunk = 40;
        setup.level_slots = static_cast<std::size_t>(window) + (kChunk + 1) / 2;
        setup.capacity = static_cast<std::size_t>(window) - 1 + kChunk + setup.n_levels * setup.level_slots;
        check_all_variants(setup, {40, 40, 1, 1, 40, 3, 40, 1, 40, 17, 1, 1});
      }
    }
  }
}

TEST_CASE("a log stride sees as many keys as its definition, and n log n in all") {
  Setup setup;
  setup.window = 12;
  setup.n_levels = 7;  // ages up to 12 * 2^7
  AttentionArgs args;
  args.window = setup.window;
  args.kv.n_levels = setup.n_levels;
  args.n_tokens = 1;
  constexpr std::size_t kTokens = 1500;
  std::size_t visited = 0;
  for (std::size_t t = 0; t < kTokens; ++t) {
    std::size_t seen = 0;
    for (std::size_t p = 0; p <= t; ++p) seen += sees(setup, t, p);
    args.first_pos = static_cast<std::int64_t>(t);
    INFO("query " << t);
    REQUIRE(kernels::attention_keys(args) == seen);
    visited += seen;
  }
  // Half a window of each octave beside the window, give or take the rounding of each level.
  const double octaves = std::log2(static_cast<double>(kTokens) / 12.0);
  CHECK(static_cast<double>(visited) < static_cast<double>(kTokens) * (12.0 + octaves * 7.0));
}

TEST_CASE("attention to ages 2^k agrees with its definition") {
  for (const KvType type : {KvType::f32, KvType::bf16, KvType::i8, KvType::e4m3}) {
    Setup setup;
    setup.type = type;
    setup.power_ages = true;
    setup.capacity = 300;
    // Windows on both sides of a power of two; chunks on both sides of a tile of queries.
    for (const std::int64_t window : {1, 2, 5, 16, 17, 33, 300}) {
      for (const std::size_t parts : {1, 3, 7}) {
        setup.window = window;
        setup.n_heads = 6;
        setup.parts = parts;
        setup.soft_cap = window == 5 ? 1.5f : 0.0f;
        check_all_variants(setup, {40, 40, 1, 1, 40, 3, 65, 1, 40, 17, 4, 1});
      }
    }
    setup.window = 7;
    for (const std::size_t head_dim : {1, 15, 17, 64, 80, 144}) {
      setup.head_dim = head_dim;
      check_all_variants(setup, {130, 1, 70, 2, 1});
    }
    setup.head_dim = 24;
    for (const std::size_t group : {1, 2, 4, 7, 8}) {
      setup.n_heads = 2 * group;
      check_all_variants(setup, {130, 1, 70, 2, 1});
    }
  }
}

TEST_CASE("ages 2^k are as many keys as their definition says, and n (window + log n) in all") {
  for (const std::int64_t window : {1, 12, 16}) {
    Setup setup;
    setup.window = window;
    setup.power_ages = true;
    AttentionArgs args;
    args.window = window;
    args.power_ages = true;
    args.n_tokens = 1;
    constexpr std::size_t kTokens = 1500;
    std::size_t visited = 0, by_formula = 0;
    for (std::size_t t = 0; t < kTokens; ++t) {
      std::size_t seen = 0;
      for (std::size_t p = 0; p <= t; ++p) seen += sees(setup, t, p);
      args.first_pos = static_cast<std::int64_t>(t);
      INFO("window " << window << " query " << t);
      REQUIRE(kernels::attention_keys(args) == seen);
      visited += seen;
      by_formula += std::min(t + 1, static_cast<std::size_t>(window));
      for (std::size_t age = 1; age <= t; age *= 2) by_formula += age >= static_cast<std::size_t>(window);
    }
    CHECK(visited == by_formula);
    CHECK(static_cast<double>(visited) <
          static_cast<double>(kTokens) * (static_cast<double>(window) + std::log2(kTokens) + 1));
  }
  AttentionArgs args;
  args.window = 1024;
  args.power_ages = true;
  args.n_tokens = 1;
  args.first_pos = 1 << 20;
  CHECK(kernels::attention_keys(args) == 1024 + 11);
  CHECK(kernels::attention_parts(args) == 1);
  args.window = 4096;
  CHECK(kernels::attention_parts(args) == 4);
}

}  // namespace transom::testing
