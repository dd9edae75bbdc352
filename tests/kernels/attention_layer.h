// SPDX-License-Identifier: Apache-2.0
/// Attention as a layer uses it, and by its definition.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/common/bf16.h"
#include "kernels/cpu/kernel_table.h"
#include "tests/kernels/kv_blocks.h"
#include "tests/kernels/support.h"
#include "tests/support/catch.h"
#include "tests/support/tolerance.h"

namespace transom::testing {

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
  bool power_ages = false;
  bool sink_queries = false;  // scores against sinks take other queries: see sink_query
  std::size_t block_slots = kernels::kAttentionKeyTile;
};

/// What stands in for a query that is rotated for its place inside the cache.
inline float sink_query(float q) { return 0.5f - 0.75f * q; }

/// A cache and a way to push tokens through append and attention, as a layer does.
class Layer {
 public:
  Layer(const Setup& setup, Isa isa)
      : setup_(setup),
        isa_(isa),
        keys_(block_bytes(shape(setup)), block_count(shape(setup)), 5),
        values_(block_bytes(shape(setup)), block_count(shape(setup)), 6) {}

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
    args.power_ages = setup_.power_ages;
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
  static kernels::KvView shape(const Setup& s) {
    return {s.type,     nullptr,       nullptr,   s.n_kv_heads, s.head_dim,
            s.capacity, s.block_slots, s.n_sinks, s.n_levels,   s.level_slots};
  }
  kernels::KvView view() const {
    kernels::KvView kv = shape(setup_);
    kv.keys = keys_.table();
    kv.values = values_.table();
    return kv;
  }

  Setup setup_;
  Isa isa_;
  KvBlocks keys_, values_;
  std::int64_t pos_ = 0;
};

/// The numbers of one token are the same whatever the chunks: a function of its position.
inline std::vector<float> numbers(std::uint64_t seed, std::size_t first, std::size_t n, std::size_t width) {
  std::vector<float> result(n * width);
  for (std::size_t t = 0; t < n; ++t)
    Random(seed * 100003 + first + t).fill(result.data() + t * width, width);
  return result;
}

inline std::vector<float> run_chunks(const Setup& setup, Isa isa, const std::vector<std::size_t>& chunks,
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
inline void round_to_int8(float* row, std::size_t n) {
  float largest = 0;
  for (std::size_t i = 0; i < n; ++i) largest = std::max(largest, std::fabs(row[i]));
  const float factor = 127.0f / largest, scale = largest / 127.0f;
  for (std::size_t i = 0; i < n; ++i) row[i] = std::nearbyint(row[i] * factor) * scale;
}

/// A row as its e4m3 form stands for it: four significant bits, but no unit below 2^-9, in a scale that is a
/// power of two and leaves at most 448.
inline void round_to_e4m3(float* row, std::size_t n) {
  float largest = 0;
  for (std::size_t i = 0; i < n; ++i) largest = std::max(largest, std::fabs(row[i]));
  float scale = 1;
  while (largest > 448 * scale) scale *= 2;
  while (largest <= 224 * scale) scale /= 2;
  for (std::size_t i = 0; i < n; ++i) {
    const float x = row[i] / scale;
    const float unit = x == 0 ? 1 : std::max(0x1p-9f, std::ldexp(1.0f, std::ilogb(x) - 3));
    row[i] = std::nearbyint(x / unit) * unit * scale;
  }
}

/// Whether a query at position t sees position p: the rule in the words of its definition.
inline bool sees(const Setup& s, std::size_t t, std::size_t p) {
  const std::size_t window = static_cast<std::size_t>(s.window), age = t - p;
  if (window == 0 || age < window || p < s.n_sinks) return true;
  for (std::size_t power = 1; s.power_ages && power <= age; power *= 2) {
    if (age == power) return true;
  }
  for (std::size_t level = 1; level <= s.n_levels; ++level) {
    if (age >= window << (level - 1) && age < window << level) return p % (std::size_t{1} << level) == 0;
  }
  return false;
}

/// Attention by its definition, over all tokens at once, without a cache. q [n, n_heads, dim], k, v [n,
/// n_kv_heads, dim], not yet rounded to the type of the cache. Returns the rows of tokens from `first` on.
inline std::vector<float> by_definition(const Setup& s, const std::vector<float>& q, std::vector<float> k,
                                        std::vector<float> v, std::size_t first = 0) {
  const std::size_t dim = s.head_dim, width = s.n_heads * dim, kv_width = s.n_kv_heads * dim;
  const std::size_t n = q.size() / width;
  if (s.type == KvType::bf16) {
    for (float& x : k) x = kernels::bf16_to_f32(kernels::f32_to_bf16(x));
    for (float& x : v) x = kernels::bf16_to_f32(kernels::f32_to_bf16(x));
  }
  if (kernels::kv_has_scales(s.type)) {
    const auto round = s.type == KvType::i8 ? round_to_int8 : round_to_e4m3;
    for (std::vector<float>* half : {&k, &v}) {
      for (std::size_t at = 0; at < half->size(); at += dim) round(half->data() + at, dim);
    }
  }
  std::vector<float> dst((n - first) * width);
  for (std::size_t t = first; t < n; ++t) {
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
        dst[(t - first) * width + h * dim + j] = static_cast<float>(sum / total);
      }
    }
  }
  return dst;
}

/// Of the numbers that run_chunks takes.
inline std::vector<float> by_definition(const Setup& s, std::size_t n) {
  const std::size_t kv_width = s.n_kv_heads * s.head_dim;
  return by_definition(s, numbers(1, 0, n, s.n_heads * s.head_dim), numbers(2, 0, n, kv_width),
                       numbers(3, 0, n, kv_width));
}

inline void check_close(const std::vector<float>& actual, const std::vector<float>& expected,
                        std::size_t length, const Setup& setup, Isa isa, std::size_t longest_chunk) {
  REQUIRE(actual.size() == expected.size());
  // Values are below 1; an error of a score enters the weights in proportion.
  double allowed = tolerance(length, 4.0, Rounding::f32);
  // Beside i8 keys and values, queries and weights are rounded to 16 bits, or to 8 where bytes are
  // multiplied.
  const std::size_t group = setup.n_heads / setup.n_kv_heads;
  const bool direct = setup.head_dim % 32 == 0 && group <= kernels::kDirectRows;
  const bool bytes =
      (isa == Isa::avx512_vnni || isa == Isa::avx512_bf16) && direct && group > 4 && setup.head_dim % 64 == 0;
  if (setup.type == KvType::i8) allowed += bytes ? 4.0 / 254.0 + 4.0 / 510.0 : 4.0 / 32767.0;
  // Products of bf16 round both to 8 bits, those of few tokens by matrix tiles to twice 8.
  if (setup.type == KvType::bf16 && isa >= Isa::avx512_bf16) {
    const bool pairs = longest_chunk >= kernels::kFewTokens || (isa == Isa::avx512_bf16 && direct);
    allowed += pairs ? 4.0 / 256.0 : 4.0 / 65536.0;
  }
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    if (!close(static_cast<double>(actual[i]), static_cast<double>(expected[i]), allowed)) ++wrong;
  }
  CHECK(wrong == 0);
}

/// Also in blocks of another size, which is the same bits where ages 2^k do not cut runs at blocks.
inline void check_all_variants(const Setup& setup, const std::vector<std::size_t>& chunks) {
  std::size_t n = 0;
  for (const std::size_t chunk : chunks) n += chunk;
  const std::size_t longest = *std::max_element(chunks.begin(), chunks.end());
  const std::vector<float> expected = by_definition(setup, n);
  for (const Isa isa : supported_isas()) {
    INFO(kernels::isa_name(isa) << " head_dim " << setup.head_dim << " window " << setup.window << " sinks "
                                << setup.n_sinks << " capacity " << setup.capacity << " heads "
                                << setup.n_heads << " type " << static_cast<int>(setup.type));
    const std::vector<float> result = run_chunks(setup, isa, chunks);
    check_close(result, expected, setup.head_dim + n, setup, isa, longest);
    Setup larger_blocks = setup;
    larger_blocks.block_slots = 256;
    const std::vector<float> again = run_chunks(larger_blocks, isa, chunks);
    if (setup.power_ages) {
      check_close(again, expected, setup.head_dim + n, setup, isa, longest);
    } else {
      CHECK(again == result);
    }
  }
}

}  // namespace transom::testing
