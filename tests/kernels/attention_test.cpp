// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <vector>

#include "tests/kernels/attention_layer.h"

namespace transom::testing {

TEST_CASE("window 4 sees the query and three keys before it") {
  for (const Isa isa : supported_isas()) {
    Setup setup;
    setup.n_heads = setup.n_kv_heads = 1;
    setup.head_dim = 16;
    setup.window = 4;
    Layer layer(setup, isa);
    // Equal scores; the value of position p is one-hot in p: the result shows what was seen, in what share.
    const std::size_t n = 10;
    std::vector<float> q(n * 16, 0.0f), k(n * 16, 1.0f), v(n * 16, 0.0f);
    for (std::size_t p = 0; p < n; ++p) v[p * 16 + p] = 1.0f;
    const std::vector<float> dst = layer.step(q, k, v);
    for (std::size_t t = 0; t < n; ++t) {
      const std::size_t seen = std::min<std::size_t>(t + 1, 4);
      for (std::size_t p = 0; p < 16; ++p) {
        const double share = p <= t && p + 4 > t ? 1.0 / static_cast<double>(seen) : 0.0;
        INFO(kernels::isa_name(isa) << " query " << t << " key " << p);
        CHECK(close(static_cast<double>(dst[t * 16 + p]), share, 1e-6));
      }
    }
  }
}

TEST_CASE("attention agrees with its definition over shapes") {
  for (const KvType type : {KvType::f32, KvType::bf16, KvType::i8, KvType::e4m3}) {
    for (const std::size_t head_dim : {1, 7, 8, 15, 16, 17, 40, 64, 80, 128, 144}) {
      Setup setup;
      setup.type = type;
      setup.head_dim = head_dim;
      setup.capacity = 150;
      check_all_variants(setup, {1, 33, 1, 70});
    }
    for (const std::size_t group : {1, 2, 3, 6, 7, 8}) {
      Setup setup;
      setup.type = type;
      setup.n_heads = 2 * group;
      setup.capacity = 100;
      check_all_variants(setup, {17, 1, 1, 15, 16});
    }
  }
}

TEST_CASE("attention wraps the ring, keeps sinks, bends scores") {
  for (const KvType type : {KvType::f32, KvType::bf16, KvType::i8, KvType::e4m3}) {
    for (const std::size_t sinks : {0, 1, 4, 70}) {
      for (const std::int64_t window : {1, 4, 63, 64, 65}) {
        Setup setup;
        setup.type = type;
        setup.window = window;
        setup.n_sinks = sinks;
        setup.head_dim = sinks == 0 ? 7 : sinks == 1 ? 80 : sinks == 4 ? 16 : 64;
        setup.n_heads = window == 1 ? 2 : window == 4 ? 12 : window == 63 ? 18 : 4;
        setup.soft_cap = sinks == 4 ? 1.5f : 0.0f;
        setup.sink_queries = sinks != 1;
        // The least that the contract allows: window - 1 + the longest chunk, beside the sinks.
        setup.capacity = sinks + static_cast<std::size_t>(window) - 1 + 40;
        check_all_variants(setup, {40, 40, 1, 1, 40, 3, 40, 1, 40, 17});
      }
    }
  }
}

TEST_CASE("attention of long chunks agrees with its definition") {
  for (const KvType type : {KvType::f32, KvType::bf16, KvType::i8, KvType::e4m3}) {
    for (const std::size_t head_dim : {7, 64, 80}) {
      for (const std::int64_t window : {0, 67}) {
        Setup setup;
        setup.type = type;
        setup.head_dim = head_dim;
        setup.n_heads = head_dim == 64 ? 12 : 2;
        setup.window = window;
        setup.n_sinks = window > 0 ? 3 : 0;
        setup.sink_queries = window > 0;
        setup.capacity = window > 0 ? 3 + 67 - 1 + 157 : 320;
        check_all_variants(setup, {128, 1, 157, 33});
      }
    }
  }
}

TEST_CASE("attention in parts agrees with its definition") {
  for (const KvType type : {KvType::f32, KvType::bf16, KvType::i8, KvType::e4m3}) {
    for (const std::size_t parts : {2, 3, 16}) {
      for (const std::int64_t window : {0, 70, 200}) {
        Setup setup;
        setup.type = type;
        setup.n_heads = 6;
        setup.head_dim = 20;
        setup.window = window;
        setup.n_sinks = window == 70 ? 5 : 0;
        setup.sink_queries = window == 70;
        setup.parts = parts;
        setup.capacity = window == 70 ? 5 + 70 - 1 + 100 : 320;
        check_all_variants(setup, {100, 1, 4, 100, 1, 2, 1, 90, 1});
      }
    }
  }
}

TEST_CASE("attention of few rows whose columns fill matrix tiles agrees with its definition") {
  for (const KvType type : {KvType::bf16, KvType::i8}) {
    for (const std::size_t head_dim : {32, 64, 96, 128, 160, 192, 256}) {
      for (std::size_t group = 1; group <= 8; ++group) {
        for (const std::int64_t window : {0, 70}) {
          Setup setup;
          setup.type = type;
          setup.head_dim = head_dim;
          setup.n_heads = 2 * group;
          setup.window = window;
          setup.n_sinks = window > 0 && group == 5 ? 3 : 0;
          setup.sink_queries = setup.n_sinks > 0;
          setup.parts = group >= 5 ? 3 : 1;
          setup.capacity = window > 0 ? 3 + 70 - 1 + 40 : 160;
          check_all_variants(setup, {40, 1, 1, 17, 40, 1, 3, 1, 40, 1});
        }
      }
    }
  }
}

TEST_CASE("attention is split by its keys, not by threads") {
  AttentionArgs args;
  args.kv.capacity = 100000;
  args.n_tokens = 1;
  args.first_pos = 1023;
  CHECK(kernels::attention_parts(args) == 1);
  args.first_pos = 4095;
  CHECK(kernels::attention_parts(args) == 4);
  args.first_pos = 90000;
  CHECK(kernels::attention_parts(args) == kernels::kMostParts);
  args.window = 2048;
  args.kv.n_sinks = 4;
  CHECK(kernels::attention_keys(args) == 2052);
  args.n_tokens = kernels::kSplitTokens + 1;
  CHECK(kernels::attention_parts(args) == 1);
}

TEST_CASE("a window of the whole ring, decoded one by one, forgets what was overwritten") {
  Setup setup;
  setup.window = 8;
  setup.capacity = 8;
  check_all_variants(setup, std::vector<std::size_t>(30, 1));
}

TEST_CASE("attention survives scores far apart") {
  Setup setup;
  setup.scale = 200.0f;
  for (const Isa isa : supported_isas()) {
    for (const float value : run_chunks(setup, isa, {40, 1, 20})) REQUIRE(std::isfinite(value));
  }
  // Most weights are too small to count.
  setup.scale = 30.0f;
  const std::vector<float> expected = run_chunks(setup, Isa::scalar, {40, 1, 20, 1, 1});
  for (const Isa isa : supported_isas()) {
    const std::vector<float> found = run_chunks(setup, isa, {40, 1, 20, 1, 1});
    for (std::size_t i = 0; i < expected.size(); ++i) {
      INFO(kernels::isa_name(isa) << " at " << i);
      REQUIRE(close(static_cast<double>(found[i]), static_cast<double>(expected[i]), 1e-3));
    }
  }
}

TEST_CASE("attention to one query keeps what is no number") {
  for (const KvType type : {KvType::f32, KvType::bf16, KvType::i8, KvType::e4m3}) {
    for (const Isa isa : supported_isas()) {
      for (const int broken : {0, 1, 2, 3, 4, 5}) {
        for (const std::size_t head_dim : {16, 64}) {
          INFO(kernels::isa_name(isa) << " type " << static_cast<int>(type) << " broken " << broken);
          Setup setup;
          setup.type = type;
          setup.head_dim = head_dim;
          if (head_dim == 64) setup.n_heads = 6 * setup.n_kv_heads;
          Layer layer(setup, isa);
          const std::size_t heads = setup.n_heads * head_dim, kv_heads = setup.n_kv_heads * head_dim;
          std::vector<float> parts[] = {numbers(1, 0, 1, heads), numbers(2, 0, 1, kv_heads),
                                        numbers(3, 0, 1, kv_heads)};
          parts[broken % 3][5] = broken < 3 ? NAN : INFINITY;  // of the first head
          const std::vector<float> dst = layer.step(parts[0], parts[1], parts[2]);
          CHECK((broken < 3 ? std::isnan(dst[5]) : !std::isfinite(dst[5])));
          for (std::size_t i = heads / 2; i < heads; ++i) CHECK(std::isfinite(dst[i]));
        }
      }
    }
  }
}

TEST_CASE("a key that is no number is not lost behind others that are") {
  for (const KvType type : {KvType::f32, KvType::bf16, KvType::i8, KvType::e4m3}) {
    for (const Isa isa : supported_isas()) {
      for (const std::size_t group : {1, 6}) {
        INFO(kernels::isa_name(isa) << " type " << static_cast<int>(type) << " group " << group);
        Setup setup;
        setup.type = type;
        setup.head_dim = 64;
        setup.n_heads = 2 * group;
        setup.capacity = 128;
        Layer layer(setup, isa);
        const std::size_t heads = setup.n_heads * 64;
        layer.step(numbers(1, 0, 64, heads), numbers(2, 0, 64, 128), numbers(3, 0, 64, 128));
        std::vector<float> key = numbers(2, 64, 1, 128);  // the only one of the second tile of keys
        key[5] = NAN;
        const std::vector<float> dst = layer.step(numbers(1, 64, 1, heads), key, numbers(3, 64, 1, 128));
        CHECK(std::isnan(dst[0]));
        CHECK(std::isfinite(dst[heads - 1]));
      }
    }
  }
}

TEST_CASE("attention keeps what is no number to the heads and columns it belongs to") {
  constexpr std::size_t kTokens = 65, kGroup = 6, kDim = 128;
  for (const KvType type : {KvType::f32, KvType::bf16, KvType::i8, KvType::e4m3}) {
    for (const Isa isa : supported_isas()) {
      INFO(kernels::isa_name(isa) << " type " << static_cast<int>(type));
      Setup setup;
      setup.type = type;
      setup.n_kv_heads = 1;
      setup.n_heads = kGroup;
      setup.head_dim = kDim;
      setup.capacity = 128;
      const std::vector<float> q = numbers(1, 0, kTokens, kGroup * kDim), k = numbers(2, 0, kTokens, kDim),
                               v = numbers(3, 0, kTokens, kDim);
      const std::vector<float> last = numbers(1, kTokens, 1, kGroup * kDim);
      const std::vector<float> key = numbers(2, kTokens, 1, kDim), value = numbers(3, kTokens, 1, kDim);
      {
        Layer layer(setup, isa);
        layer.step(q, k, v);
        std::vector<float> broken = last;
        broken[7] = NAN;
        const std::vector<float> dst = layer.step(broken, key, value);
        for (std::size_t i = 0; i < dst.size(); ++i) REQUIRE(std::isnan(dst[i]) == (i < kDim));
      }
      for (const bool newest : {false, true}) {
        Layer layer(setup, isa);
        std::vector<float> broken_v = v, broken_value = value;
        (newest ? broken_value[5] : broken_v[40 * kDim + 5]) = NAN;
        layer.step(q, k, broken_v);
        const std::vector<float> dst = layer.step(last, key, broken_value);
        // A row with one scale is no number as a whole.
        const bool all = kernels::kv_has_scales(type);
        for (std::size_t i = 0; i < dst.size(); ++i) REQUIRE(std::isnan(dst[i]) == (all || i % kDim == 5));
      }
    }
  }
}

TEST_CASE("attention sums few large and many small weights") {
  constexpr std::size_t kTokens = 64, kGroup = 6, kDim = 64;
  for (const KvType type : {KvType::f32, KvType::bf16, KvType::i8, KvType::e4m3}) {
    for (const float tail : {6.4f, 5.0f, 5.9f, 8.0f}) {  // how far below the first key's score all others lie
      for (const float first : {1.0f, 0.0f, 256.0f}) {   // the value of the first key; those of others are 1
        Setup setup;
        setup.type = type;
        setup.n_kv_heads = 1;
        setup.n_heads = kGroup;
        setup.head_dim = kDim;
        setup.scale = tail / kDim;
        std::vector<float> k(kTokens * kDim, 0.0f), v(kTokens * kDim, 1.0f);
        const std::vector<float> q(kTokens * kGroup * kDim, 1.0f);
        std::fill_n(k.begin(), kDim, first == 256.0f ? 0.0f : 1.0f);
        std::fill_n(v.begin(), kDim, first);
        const double weight = first == 256.0f ? 1.0 : std::exp(static_cast<double>(tail));
        const double rest = static_cast<double>(kTokens - 1);
        const double expected = (weight * static_cast<double>(first) + rest) / (weight + rest);
        // Of the largest of 64 weights, times its value.
        const double unit = weight * std::max(1.0, static_cast<double>(first)) / 254 / (weight + rest);
        for (const Isa isa : supported_isas()) {
          INFO(kernels::isa_name(isa)
               << " type " << static_cast<int>(type) << " tail " << tail << " first " << first);
          Layer layer(setup, isa);
          const std::vector<float> dst = layer.step(q, k, v);
          for (std::size_t i = dst.size() - kGroup * kDim; i < dst.size(); ++i)
            REQUIRE(std::fabs(static_cast<double>(dst[i]) - expected) < 1.5 * unit);
        }
      }
    }
  }
}

TEST_CASE("attention to i8 keys of a large head keeps its sums within 32 bits") {
  // Every product of the first key is as large as it can be.
  const std::size_t dim = 3008;
  for (const Isa isa : supported_isas()) {
    for (const std::size_t group : {1, 6}) {
      Setup setup;
      setup.type = KvType::i8;
      setup.n_heads = group;
      setup.n_kv_heads = 1;
      setup.head_dim = dim;
      setup.scale = 1.0f / static_cast<float>(dim);
      Layer layer(setup, isa);
      const std::vector<float> queries(group * dim, 1.0f), ones(dim, 1.0f), minus(dim, -1.0f);
      layer.step(queries, ones, ones);
      const std::vector<float> dst = layer.step(queries, minus, minus);
      const double allowed = group == 1 ? 1e-4 : 1.5 / 254.0;
      for (const float x : dst) REQUIRE(close(static_cast<double>(x), std::tanh(1.0), allowed));
    }
  }
}

TEST_CASE("a large column of a query does not coarsen all others beside i8 keys") {
  Setup setup;
  setup.type = KvType::i8;
  setup.n_heads = 6;
  setup.n_kv_heads = 1;
  setup.head_dim = 128;
  constexpr std::size_t kTokens = 40;
  for (const std::size_t large : {0, 4, 8, 12}) {
    std::vector<float> q = numbers(1, 0, kTokens, 6 * 128), k = numbers(2, 0, kTokens, 128);
    const std::vector<float> v = numbers(3, 0, kTokens, 128);
    for (std::size_t row = 0; row < q.size(); row += 128) q[row + large] = 100;
    // Columns large .. large + 3 of every 16 may share the large one's scale: no key has them.
    for (std::size_t i = 0; i < k.size(); ++i) k[i] = i % 16 / 4 == large / 4 ? 0 : k[i];
    const std::vector<float> expected = by_definition(setup, q, k, v);
    for (const Isa isa : supported_isas()) {
      INFO(kernels::isa_name(isa) << " large " << large);
      Layer layer(setup, isa);
      const std::vector<float> found = layer.step(q, k, v);
      for (std::size_t i = 0; i < expected.size(); ++i)
        REQUIRE(close(static_cast<double>(found[i]), static_cast<double>(expected[i]), 4.0 / 254.0));
    }
  }
}

TEST_CASE("attention is the same bits for any split into items") {
  Setup setup;
  setup.capacity = 100;
  for (const Isa isa : supported_isas()) {
    CHECK(run_chunks(setup, isa, {50, 1}) == run_chunks(setup, isa, {50, 1}, 1));
  }
}

TEST_CASE("kv_append writes rows at their ring slots and nothing else") {
  for (const Isa isa : supported_isas()) {
    for (const std::size_t dim : {1, 15, 16, 17, 64}) {
      constexpr std::size_t kTokens = 9, kCapacity = 70;
      kernels::KvView kv = {KvType::bf16, nullptr, nullptr, 2, dim, kCapacity, 64, 2};
      KvBlocks keys(block_bytes(kv), block_count(kv), 1), values(block_bytes(kv), block_count(kv), 2);
      kv.keys = keys.table();
      kv.values = values.table();
      const std::vector<float> k = numbers(1, 0, kTokens, 2 * dim), v = numbers(2, 0, kTokens, 2 * dim);
      KvAppendArgs args;
      args.kv = kv;
      args.k = k.data();
      args.v = v.data();
      args.row_stride = 2 * dim;
      args.n_tokens = kTokens;
      args.first_pos = 63;  // slots 63, which ends a block, to 69, then 2 and 3: wrapped behind two sinks
      kernels::kernel_table(isa).kv_append.run(args);
      INFO(kernels::isa_name(isa) << " dim " << dim);
      for (std::size_t token = 0; token < kTokens; ++token) {
        const std::size_t slot = token < 7 ? 63 + token : token - 5;
        for (std::size_t head = 0; head < 2; ++head) {
          for (std::size_t j = 0; j < dim; ++j) {
            const std::size_t at = ((slot < 64 ? head * 64 + slot : head * 64 + slot - 64) * dim + j) * 2;
            const std::size_t from = token * 2 * dim + head * dim + j;
            const auto take = [&](const KvBlocks& blocks) {
              char* const here = static_cast<char*>(blocks.table()[slot / 64]) + at;
              std::uint16_t found;
              std::memcpy(&found, here, sizeof found);
              std::memset(here, 0xff, sizeof found);  // so that what is left was never written
              return found;
            };
            CHECK(take(keys) == kernels::f32_to_bf16(k[from]));
            CHECK(take(values) == kernels::f32_to_bf16(v[from]));
          }
        }
      }
      for (KvBlocks* blocks : {&keys, &values}) {
        for (std::size_t i = 0; i < blocks->memory().size(); ++i) REQUIRE(blocks->memory()[i] == char(0xff));
      }
    }
  }
}

}  // namespace transom::testing
