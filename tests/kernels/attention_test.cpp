// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <vector>

#include "kernels/common/bf16.h"
#include "kernels/cpu/kernel_table.h"
#include "tests/kernels/support.h"
#include "tests/support/catch.h"
#include "tests/support/tolerance.h"

namespace transom::testing {
namespace {

using kernels::AttentionArgs;
using kernels::Isa;
using kernels::KvAppendArgs;
using kernels::KvType;

struct Setup {
  std::size_t n_heads = 4, n_kv_heads = 2, head_dim = 16, capacity = 64, n_sinks = 0;
  KvType type = KvType::f32;
  std::int64_t window = 0;
  float scale = 0.3f, soft_cap = 0;
  std::size_t parts = 1;  // of steps of few tokens
  std::size_t n_levels = 0, level_slots = 0;
  bool sink_queries = false;  // scores against sinks take other queries: see sink_query
};

/// What stands in for a query that is rotated for its place inside the cache.
float sink_query(float q) { return 0.5f - 0.75f * q; }

/// A cache and a way to push tokens through append and attention, as a layer does.
class Layer {
 public:
  Layer(const Setup& setup, Isa isa)
      : setup_(setup),
        isa_(isa),
        // What was never written, and what follows the last slot, reads as NaN: even a weight of 0 shows it.
        keys_(bytes() + kPastTheEnd, char(0xff)),
        values_(bytes() + kPastTheEnd, char(0xff)) {}

  /// q [n, n_heads, dim], k, v [n, n_kv_heads, dim]; returns dst, dense. Items are run `items_per_call` at a
  /// time.
  std::vector<float> step(const std::vector<float>& q, const std::vector<float>& k,
                          const std::vector<float>& v, std::size_t items_per_call = 1000000) {
    const std::size_t kv_width = setup_.n_kv_heads * setup_.head_dim,
                      width = setup_.n_heads * setup_.head_dim;
    const std::size_t n = q.size() / width;
    KvAppendArgs append;
    append.kv = view();
    append.k = k.data();
    append.v = v.data();
    append.row_stride = kv_width;
    append.n_tokens = n;
    append.first_pos = pos_;
    kernels::kernel_table(isa_).kv_append.run(append);

    const std::size_t stride = width + 3;
    Aligned<float> dst(n * stride, -77.0f, 1);
    AttentionArgs args;
    args.q = q.data();
    std::vector<float> q_sink(q);
    for (float& x : q_sink) x = sink_query(x);
    if (setup_.sink_queries) args.q_sink = q_sink.data();
    args.q_stride = width;
    args.kv = append.kv;
    args.dst = dst.data();
    args.dst_stride = stride;
    args.n_tokens = n;
    args.n_heads = setup_.n_heads;
    args.first_pos = pos_;
    args.window = setup_.window;
    args.scale = setup_.scale;
    args.soft_cap = setup_.soft_cap;
    Aligned<char> scratch(kernels::attention_scratch_bytes(args));
    args.scratch = scratch.data();
    const std::size_t items = kernels::attention_items(args);
    args.n_parts = n <= kernels::kSplitTokens ? setup_.parts : 1;
    Aligned<float> partial(
        kernels::attention_partial_floats(setup_.n_heads, setup_.head_dim, kernels::kMostParts), NAN);
    args.partial = partial.data();
    for (std::size_t i = 0; i < items; i += items_per_call) {
      args.item_begin = i;
      args.item_end = std::min(items, i + items_per_call);
      for (args.part = args.n_parts; args.part-- > 0;) kernels::kernel_table(isa_).attention.run(args);
    }
    if (args.n_parts > 1) kernels::kernel_table(isa_).attention_merge.run(args);
    pos_ += static_cast<std::int64_t>(n);
    std::vector<float> result;
    for (std::size_t t = 0; t < n; ++t) {
      for (std::size_t i = 0; i < width; ++i) result.push_back(dst[t * stride + i]);
      for (std::size_t i = width; i < stride; ++i) REQUIRE(dst[t * stride + i] == -77.0f);
    }
    return result;
  }

 private:
  static constexpr std::size_t kPastTheEnd = 64;

  std::size_t bytes() const {
    return setup_.n_kv_heads * setup_.capacity * kernels::kv_row_bytes(setup_.type, setup_.head_dim);
  }
  kernels::KvView view() {
    return {setup_.type,     keys_.data(),   values_.data(),  setup_.n_kv_heads, setup_.head_dim,
            setup_.capacity, setup_.n_sinks, setup_.n_levels, setup_.level_slots};
  }

  Setup setup_;
  Isa isa_;
  Aligned<char> keys_, values_;
  std::int64_t pos_ = 0;
};

/// The numbers of one token are the same whatever the chunks: a function of its position.
std::vector<float> numbers(std::uint64_t seed, std::size_t first, std::size_t n, std::size_t width) {
  std::vector<float> result(n * width);
  for (std::size_t t = 0; t < n; ++t)
    Random(seed * 100003 + first + t).fill(result.data() + t * width, width);
  return result;
}

std::vector<float> run_chunks(const Setup& setup, Isa isa, const std::vector<std::size_t>& chunks,
                              std::size_t items_per_call = 1000000) {
  Layer layer(setup, isa);
  std::vector<float> all;
  std::size_t pos = 0;
  for (const std::size_t n : chunks) {
    const std::size_t kv_width = setup.n_kv_heads * setup.head_dim;
    const std::vector<float> dst =
        layer.step(numbers(1, pos, n, setup.n_heads * setup.head_dim), numbers(2, pos, n, kv_width),
                   numbers(3, pos, n, kv_width), items_per_call);
    all.insert(all.end(), dst.begin(), dst.end());
    pos += n;
  }
  return all;
}

/// A row as its int8 form stands for it.
void round_to_int8(float* row, std::size_t n) {
  float largest = 0;
  for (std::size_t i = 0; i < n; ++i) largest = std::max(largest, std::fabs(row[i]));
  const float factor = 127.0f / largest, scale = largest / 127.0f;
  for (std::size_t i = 0; i < n; ++i) row[i] = std::nearbyint(row[i] * factor) * scale;
}

/// Whether a query at position t sees position p: the rule in the words of its definition.
bool sees(const Setup& s, std::size_t t, std::size_t p) {
  const std::size_t window = static_cast<std::size_t>(s.window), age = t - p;
  if (window == 0 || age < window || p < s.n_sinks) return true;
  for (std::size_t level = 1; level <= s.n_levels; ++level) {
    if (age >= window << (level - 1) && age < window << level) return p % (std::size_t{1} << level) == 0;
  }
  return false;
}

/// Attention by its definition, over all tokens at once, without a cache.
std::vector<float> by_definition(const Setup& s, std::size_t n) {
  const std::size_t dim = s.head_dim, width = s.n_heads * dim, kv_width = s.n_kv_heads * dim;
  const std::vector<float> q = numbers(1, 0, n, width);
  std::vector<float> k = numbers(2, 0, n, kv_width), v = numbers(3, 0, n, kv_width);
  if (s.type == KvType::bf16) {
    for (float& x : k) x = kernels::bf16_to_f32(kernels::f32_to_bf16(x));
    for (float& x : v) x = kernels::bf16_to_f32(kernels::f32_to_bf16(x));
  }
  if (s.type == KvType::i8) {
    for (std::vector<float>* half : {&k, &v}) {
      for (std::size_t at = 0; at < half->size(); at += dim) round_to_int8(half->data() + at, dim);
    }
  }
  std::vector<float> dst(n * width);
  for (std::size_t t = 0; t < n; ++t) {
    for (std::size_t h = 0; h < s.n_heads; ++h) {
      const std::size_t kv_at = h / (s.n_heads / s.n_kv_heads) * dim;
      std::vector<double> weight(t + 1, 0.0);
      double total = 0;
      for (std::size_t p = 0; p <= t; ++p) {
        if (!sees(s, t, p)) continue;
        double score = 0;
        for (std::size_t j = 0; j < dim; ++j) {
          const float query = q[t * width + h * dim + j];
          score += static_cast<double>(s.sink_queries && p < s.n_sinks ? sink_query(query) : query) *
                   static_cast<double>(k[p * kv_width + kv_at + j]);
        }
        score *= static_cast<double>(s.scale);
        const double cap = static_cast<double>(s.soft_cap);
        if (cap > 0) score = cap * std::tanh(score / cap);
        weight[p] = std::exp(score);
        total += weight[p];
      }
      for (std::size_t j = 0; j < dim; ++j) {
        double sum = 0;
        for (std::size_t p = 0; p <= t; ++p)
          sum += weight[p] * static_cast<double>(v[p * kv_width + kv_at + j]);
        dst[t * width + h * dim + j] = static_cast<float>(sum / total);
      }
    }
  }
  return dst;
}

void check_close(const std::vector<float>& actual, const std::vector<float>& expected, std::size_t length,
                 KvType type) {
  REQUIRE(actual.size() == expected.size());
  // Values are below 1; an error of a score enters the weights in proportion. Beside i8 keys and values,
  // queries and weights are rounded to 16 bits.
  const double allowed = tolerance(length, 4.0, Rounding::f32) + (type == KvType::i8 ? 4.0 / 32767.0 : 0.0);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    if (!close(static_cast<double>(actual[i]), static_cast<double>(expected[i]), allowed)) ++wrong;
  }
  CHECK(wrong == 0);
}

void check_all_variants(const Setup& setup, const std::vector<std::size_t>& chunks) {
  std::size_t n = 0;
  for (const std::size_t chunk : chunks) n += chunk;
  const std::vector<float> expected = by_definition(setup, n);
  for (const Isa isa : supported_isas()) {
    INFO(kernels::isa_name(isa) << " head_dim " << setup.head_dim << " window " << setup.window << " sinks "
                                << setup.n_sinks << " capacity " << setup.capacity << " heads "
                                << setup.n_heads << " type " << static_cast<int>(setup.type));
    check_close(run_chunks(setup, isa, chunks), expected, setup.head_dim + n, setup.type);
  }
}

}  // namespace

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
  for (const KvType type : {KvType::f32, KvType::bf16, KvType::i8}) {
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
  for (const KvType type : {KvType::f32, KvType::bf16, KvType::i8}) {
    for (const std::size_t sinks : {0, 1, 4, 70}) {
      for (const std::int64_t window : {1, 4, 63, 64, 65}) {
        Setup setup;
        setup.type = type;
        setup.window = window;
        setup.n_sinks = sinks;
        setup.soft_cap = sinks == 4 ? 1.5f : 0.0f;
        setup.sink_queries = sinks != 1;
        // The least that the contract allows: window - 1 + the longest chunk, beside the sinks.
        setup.capacity = sinks + static_cast<std::size_t>(window) - 1 + 40;
        check_all_variants(setup, {40, 40, 1, 1, 40, 3, 40, 1, 40, 17});
      }
    }
  }
}

TEST_CASE("attention with a log stride agrees with its definition") {
  for (const KvType type : {KvType::f32, KvType::bf16, KvType::i8}) {
    for (const std::int64_t window : {1, 5, 16, 33}) {
      for (const std::size_t parts : {1, 3}) {
        Setup setup;
        setup.type = type;
        setup.window = window;
        setup.n_heads = 6;
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

TEST_CASE("attention in parts agrees with its definition") {
  for (const KvType type : {KvType::f32, KvType::bf16, KvType::i8}) {
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
}

TEST_CASE("attention to one query keeps what is no number") {
  for (const KvType type : {KvType::f32, KvType::bf16, KvType::i8}) {
    for (const Isa isa : supported_isas()) {
      for (const int broken : {0, 1, 2}) {
        INFO(kernels::isa_name(isa) << " type " << static_cast<int>(type) << " broken " << broken);
        Setup setup;
        setup.type = type;
        Layer layer(setup, isa);
        std::vector<float> parts[] = {numbers(1, 0, 1, 64), numbers(2, 0, 1, 32), numbers(3, 0, 1, 32)};
        parts[broken][5] = NAN;  // of the first head
        const std::vector<float> dst = layer.step(parts[0], parts[1], parts[2]);
        CHECK(std::isnan(dst[5]));
        for (std::size_t i = 32; i < 64; ++i) CHECK(std::isfinite(dst[i]));
      }
    }
  }
}

TEST_CASE("attention to i8 keys of a large head keeps its sums within 32 bits") {
  // Every product of the first key is as large as it can be.
  const std::size_t dim = 3000;
  for (const Isa isa : supported_isas()) {
    Setup setup;
    setup.type = KvType::i8;
    setup.n_heads = setup.n_kv_heads = 1;
    setup.head_dim = dim;
    setup.scale = 1.0f / static_cast<float>(dim);
    Layer layer(setup, isa);
    const std::vector<float> ones(dim, 1.0f), minus(dim, -1.0f);
    layer.step(ones, ones, ones);
    const std::vector<float> dst = layer.step(ones, minus, minus);
    for (const float x : dst) REQUIRE(close(static_cast<double>(x), std::tanh(1.0), 1e-4));
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
      std::vector<std::uint16_t> keys(2 * 6 * dim, 0x7777), values = keys;
      const std::vector<float> k = numbers(1, 0, 3, 2 * dim), v = numbers(2, 0, 3, 2 * dim);
      KvAppendArgs args;
      args.kv = {KvType::bf16, keys.data(), values.data(), 2, dim, 6, 2};
      args.k = k.data();
      args.v = v.data();
      args.row_stride = 2 * dim;
      args.n_tokens = 3;
      args.first_pos = 5;  // slots 5, 2 (wrapped behind two sinks), 3
      kernels::kernel_table(isa).kv_append.run(args);
      const int token_of_slot[6] = {-1, -1, 1, 2, -1, 0};
      for (std::size_t head = 0; head < 2; ++head) {
        for (std::size_t slot = 0; slot < 6; ++slot) {
          for (std::size_t j = 0; j < dim; ++j) {
            const std::size_t at = (head * 6 + slot) * dim + j;
            const int token = token_of_slot[slot];
            const std::size_t from =
                token < 0 ? 0 : static_cast<std::size_t>(token) * 2 * dim + head * dim + j;
            INFO(kernels::isa_name(isa) << " dim " << dim << " slot " << slot);
            CHECK(keys[at] == (token < 0 ? 0x7777 : kernels::f32_to_bf16(k[from])));
            CHECK(values[at] == (token < 0 ? 0x7777 : kernels::f32_to_bf16(v[from])));
          }
        }
      }
    }
  }
}

}  // namespace transom::testing
