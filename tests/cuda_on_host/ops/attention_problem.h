// SPDX-License-Identifier: Apache-2.0
/// Attention on the device as a layer uses it, and numbers on which its roundings are few.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "kernels/cpu/reference/reference.h"
#include "kernels/cuda/attention.h"
#include "tests/cuda_on_host/device_array.h"
#include "tests/kernels/attention_layer.h"

namespace transom::cuda_on_host {

using kernels::AttentionArgs;
using kernels::KvType;
using kernels::cuda::AttentionKernel;
using testing::Setup;

/// Keys and values, or the blocks of a cache, on the device: the bytes of host blocks at the same places,
/// scales apart.
class DeviceBlocks {
 public:
  explicit DeviceBlocks(testing::KvBlocks& host, std::size_t blocks)
      : host_(host), memory_(host.memory().size()), table_(blocks) {
    std::vector<void*> table;
    for (std::size_t i = 0; i < blocks; ++i) table.push_back(memory_.data() + offset(i));
    table_.upload(table);
  }
  void* const* table() const { return table_.data(); }

  /// view: of the host.
  void upload(const kernels::KvView& view) {
    std::vector<char> bytes(host_.memory().data(), host_.memory().data() + host_.memory().size());
    if (kernels::kv_has_scales(view.type)) {
      for (std::size_t block = 0; block < table_.size(); ++block)
        set_scales_apart(view, bytes.data() + offset(block));
    }
    memory_.upload(bytes);
  }

 private:
  std::size_t offset(std::size_t block) const {
    return static_cast<std::size_t>(static_cast<char*>(host_.table()[block]) - host_.memory().data());
  }
  static void set_scales_apart(const kernels::KvView& view, char* block) {
    const std::size_t dim = view.head_dim, row_bytes = kernels::kv_row_bytes(view.type, dim);
    const std::size_t head_bytes = kernels::kv_head_bytes(view);
    for (std::size_t head = 0; head < view.n_kv_heads; ++head, block += head_bytes) {
      const std::vector<char> rows(block, block + head_bytes);
      for (std::size_t slot = 0; slot < view.block_slots; ++slot) {
        const char* row = rows.data() + slot * row_bytes;
        std::memcpy(block + slot * dim, row, dim);
        std::memcpy(block + view.block_slots * dim + slot * sizeof(float), row + dim, sizeof(float));
      }
    }
  }

  testing::KvBlocks& host_;
  DeviceArray<char> memory_;
  DeviceArray<void*> table_;
};

/// A cache and a way to push tokens through append, on the host, and attention.
class DeviceLayer {
 public:
  /// kernel: the one that is to take every step; `automatic`: attention_kernel's choice.
  enum class Kernel { automatic, tiles, rows, any };

  DeviceLayer(const Setup& setup, Kernel kernel)
      : setup_(setup),
        kernel_(kernel),
        keys_(testing::block_bytes(shape()), testing::block_count(shape()), 5),
        values_(testing::block_bytes(shape()), testing::block_count(shape()), 6),
        device_keys_(keys_, testing::block_count(shape())),
        device_values_(values_, testing::block_count(shape())),
        first_pos_(std::vector<std::int64_t>{0}) {}

  /// As testing::Layer::step.
  std::vector<float> step(const std::vector<float>& q, const std::vector<float>& k,
                          const std::vector<float>& v) {
    append(k, v);
    std::vector<float> q_sink(q);
    for (float& x : q_sink) x = testing::sink_query(x);
    const DeviceArray<float> device_q(q), device_q_sink(q_sink);
    const std::size_t width = setup_.n_heads * setup_.head_dim, n = q.size() / width, stride = width + 4;
    DeviceArray<float> dst(std::vector<float>(n * stride, -77.0f));
    AttentionArgs args = arguments(n);
    args.q = device_q.data();
    if (setup_.sink_queries) args.q_sink = device_q_sink.data();
    args.dst = dst.data();
    args.dst_stride = stride;
    set_position(end_ - static_cast<std::int64_t>(n));
    launch(args);
    return without_gaps(dst.download(), n, width, stride);
  }

  /// Tokens that no one asks about.
  void append(const std::vector<float>& k, const std::vector<float>& v) {
    kernels::KvAppendArgs args;
    args.kv = shape();
    args.kv.keys = keys_.table();
    args.kv.values = values_.table();
    args.k = k.data();
    args.v = v.data();
    args.row_stride = setup_.n_kv_heads * setup_.head_dim;
    args.n_tokens = k.size() / args.row_stride;
    args.first_pos = end_;
    kernels::reference::kv_append(args);
    device_keys_.upload(args.kv);
    device_values_.upload(args.kv);
    end_ += static_cast<std::int64_t>(args.n_tokens);
  }

  /// Dense q and dst of n tokens, which are the caller's.
  AttentionArgs arguments(std::size_t n) const {
    AttentionArgs args;
    args.q_stride = args.dst_stride = setup_.n_heads * setup_.head_dim;
    args.kv = shape();
    args.kv.keys = device_keys_.table();
    args.kv.values = device_values_.table();
    args.kv.scales_apart = true;
    args.n_tokens = n;
    args.n_heads = setup_.n_heads;
    args.first_pos = -1;  // not read
    args.window = setup_.window;
    args.scale = setup_.scale;
    args.soft_cap = setup_.soft_cap;
    args.power_ages = setup_.power_ages;
    return args;
  }
  void set_position(std::int64_t pos) { first_pos_.upload(std::vector<std::int64_t>{pos}); }
  const std::int64_t* position() const { return first_pos_.data(); }

  const std::vector<AttentionKernel>& used() const { return used_; }

 private:
  kernels::KvView shape() const {
    return {setup_.type,        nullptr,         nullptr,
            setup_.n_kv_heads,  setup_.head_dim, setup_.capacity,
            setup_.block_slots, setup_.n_sinks,  setup_.n_levels,
            setup_.level_slots};
  }
  void launch(AttentionArgs& args) {
    const AttentionKernel chosen = kernels::cuda::attention_kernel(args);
    used_.push_back(chosen);
    DeviceArray<unsigned char> scratch(
        std::vector<unsigned char>(kernels::cuda::attention_scratch_bytes(args), 0));
    args.scratch = scratch.data();
    switch (kernel_) {
      case Kernel::tiles:
        return finish(kernels::cuda::launch_attention_tiles(args, first_pos_.data(), nullptr));
      case Kernel::rows:
        return finish(kernels::cuda::launch_attention_rows(args, first_pos_.data(), nullptr));
      case Kernel::any:
        return finish(kernels::cuda::launch_attention_any(args, first_pos_.data(), nullptr));
      default:
        return finish(kernels::cuda::launch_attention(args, first_pos_.data(), nullptr));
    }
  }

  static std::vector<float> without_gaps(const std::vector<float>& dst, std::size_t n, std::size_t width,
                                         std::size_t stride) {
    std::vector<float> result;
    for (std::size_t t = 0; t < n; ++t) {
      for (std::size_t i = 0; i < width; ++i) result.push_back(dst[t * stride + i]);
      for (std::size_t i = width; i < stride; ++i) REQUIRE(dst[t * stride + i] == -77.0f);
    }
    return result;
  }

  Setup setup_;
  Kernel kernel_;
  testing::KvBlocks keys_, values_;
  DeviceBlocks device_keys_, device_values_;
  DeviceArray<std::int64_t> first_pos_;
  std::int64_t end_ = 0;  // of what was appended
  std::vector<AttentionKernel> used_;
};

/// Multiples of 1 / steps below 1.
inline std::vector<float> exact_numbers(std::uint64_t seed, std::size_t count, float steps) {
  std::vector<float> x = testing::numbers(seed, 0, 1, count);
  for (float& number : x) number = std::trunc(number * steps) / steps;
  return x;
}

struct Inputs {
  std::vector<float> q, k, v;
};

/// Numbers that survive the way to the products as they are. Keys and values: multiples of 1/128, the first
/// of a head the largest, so that an i8 cache has a scale of 1/128 and holds them as they are. Queries:
/// multiples of 1/32, so that sink_query of them fits bf16 too. zero_queries: all visible keys weigh the same
/// but for sinks with queries of their own, so that results are means of values, exact but for the last sums;
/// one key more or less shows.
inline Inputs make_inputs(const Setup& s, std::size_t n, bool zero_queries) {
  const auto cached = [&](std::uint64_t seed) {
    std::vector<float> x = exact_numbers(seed, n * s.n_kv_heads * s.head_dim, 128);
    for (std::size_t i = 0; i < x.size(); i += s.head_dim) x[i] = 127.0f / 128.0f;
    return x;
  };
  Inputs inputs = {exact_numbers(1, n * s.n_heads * s.head_dim, 32), cached(2), cached(3)};
  if (zero_queries) inputs.q.assign(inputs.q.size(), 0.0f);
  return inputs;
}

/// Rows of tokens [first, first + n).
inline std::vector<float> tokens(const std::vector<float>& x, std::size_t columns, std::size_t first,
                                 std::size_t n) {
  const auto begin = x.begin() + static_cast<std::ptrdiff_t>(first * columns);
  return {begin, begin + static_cast<std::ptrdiff_t>(n * columns)};
}

/// skipped: tokens of a first chunk whose results are not wanted.
inline std::vector<float> run_chunks(DeviceLayer& layer, const Setup& s, const Inputs& inputs,
                                     std::size_t skipped, const std::vector<std::size_t>& chunks) {
  const std::size_t width = s.n_heads * s.head_dim, kv_width = s.n_kv_heads * s.head_dim;
  layer.append(tokens(inputs.k, kv_width, 0, skipped), tokens(inputs.v, kv_width, 0, skipped));
  std::vector<float> all;
  std::size_t pos = skipped;
  for (const std::size_t n : chunks) {
    const std::vector<float> dst =
        layer.step(tokens(inputs.q, width, pos, n), tokens(inputs.k, kv_width, pos, n),
                   tokens(inputs.v, kv_width, pos, n));
    all.insert(all.end(), dst.begin(), dst.end());
    pos += n;
  }
  return all;
}

/// A scale at which queries are multiplied by a power of two before they are rounded to bf16.
inline float exact_scale(float soft_cap) { return soft_cap > 0 ? soft_cap / 8 : 0.25f * std::log(2.0f); }

/// How far results may be off. Weights are rounded to bf16, which moves each by 2^-8 of itself at most, while
/// their total is of weights in f32; values are below 1.
inline double allowed_error(const Setup& s, bool zero_queries, std::size_t keys) {
  const double sums = testing::tolerance(s.head_dim + keys, 4.0, testing::Rounding::f32);
  return zero_queries && !s.sink_queries ? sums : sums + 0x1p-8;
}

struct Case {
  std::vector<std::size_t> chunks;
  std::size_t skipped = 0;
  DeviceLayer::Kernel kernel = DeviceLayer::Kernel::automatic;
};

inline std::string describe(const Setup& s, const Case& c) {
  std::string text = "head_dim " + std::to_string(s.head_dim) + ", heads " + std::to_string(s.n_heads) + "/" +
                     std::to_string(s.n_kv_heads) + ", type " + std::to_string(static_cast<int>(s.type)) +
                     ", window " + std::to_string(s.window) + ", sinks " + std::to_string(s.n_sinks) +
                     ", levels " + std::to_string(s.n_levels) + ", ages " + std::to_string(s.power_ages) +
                     ", capacity " + std::to_string(s.capacity) + " in blocks of " +
                     std::to_string(s.block_slots) + ", kernel " +
                     std::to_string(static_cast<int>(c.kernel)) + ", chunks";
  for (const std::size_t n : c.chunks) text += " " + std::to_string(n);
  return text;
}

/// Compares with the definition. s.scale is set here.
inline void check_attention(Setup s, const Case& c, bool zero_queries) {
  s.scale = exact_scale(s.soft_cap);
  std::size_t n = c.skipped;
  for (const std::size_t chunk : c.chunks) n += chunk;
  const Inputs inputs = make_inputs(s, n, zero_queries);
  const std::vector<float> expected = testing::by_definition(s, inputs.q, inputs.k, inputs.v, c.skipped);
  DeviceLayer layer(s, c.kernel);
  const std::vector<float> actual = run_chunks(layer, s, inputs, c.skipped, c.chunks);
  REQUIRE(actual.size() == expected.size());
  const double allowed = allowed_error(s, zero_queries, n);
  std::size_t wrong = 0, first = actual.size();
  double worst = 0;
  for (std::size_t i = actual.size(); i-- > 0;) {
    const double a = double{actual[i]}, e = double{expected[i]};
    worst = std::max(worst, std::fabs(a - e));
    if (testing::close(a, e, allowed)) continue;
    first = i;
    ++wrong;
  }
  const std::size_t width = s.n_heads * s.head_dim;
  INFO(describe(s, c) << "; zero queries " << zero_queries << ", worst " << worst << " of " << allowed
                      << ", first wrong: token " << c.skipped + first / width << " column " << first % width);
  CHECK(wrong == 0);
}

inline void check_attention(const Setup& s, const Case& c) {
  check_attention(s, c, true);
  check_attention(s, c, false);
}

}  // namespace transom::cuda_on_host
