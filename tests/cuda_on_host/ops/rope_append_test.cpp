// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/rope_append.h"

#include "kernels/cpu/reference/reference.h"
#include "kernels/cuda/kv_append.h"
#include "kernels/cuda/rope.h"
#include "tests/cuda_on_host/device_kv_cache.h"
#include "tests/cuda_on_host/ops/captured_launch.h"
#include "tests/cuda_on_host/ops/host_kv_cache.h"
#include "tests/cuda_on_host/ops/kv_shapes.h"
#include "tests/cuda_on_host/ops/rows.h"

namespace transom::cuda_on_host {
namespace {

using kernels::cuda::RopeAppendArgs;

/// Queries, keys and values of some tokens side by side, as a product leaves them, and the tables.
struct Tokens {
  std::size_t n, stride, half;
  std::vector<float> qkv, cos, sin;

  Tokens(const KvView& shape, std::size_t n_heads, std::size_t n_tokens, std::size_t half_rotation,
         bool aligned, std::uint64_t seed)
      : n(n_tokens), half(half_rotation), cos(n_tokens * half), sin(n_tokens * half) {
    const std::size_t width = (n_heads + 2 * shape.n_kv_heads) * shape.head_dim;
    stride = aligned ? (width + 15) / 8 * 8 : width + 3;
    qkv.assign(n * stride, kUntouched);
    testing::Random random(seed);
    for (std::size_t t = 0; t < n; ++t) random.fill(qkv.data() + t * stride, width);
    random.fill(cos.data(), cos.size());
    random.fill(sin.data(), sin.size());
  }
};

/// A copy of Tokens on the device.
struct DeviceTokens {
  DeviceArray<float> qkv, cos, sin;
  DeviceTokens(const Tokens& tokens, bool aligned)
      : qkv(tokens.qkv, aligned ? 0 : 1),
        cos(tokens.cos, aligned ? 0 : 1),
        sin(tokens.sin, aligned ? 0 : 1) {}

  RopeAppendArgs args(const Tokens& tokens, const KvView& cache, std::size_t n_heads, std::int64_t first) {
    float* const k = qkv.data() + n_heads * cache.head_dim;
    return {qkv.data(),
            tokens.stride,
            n_heads,
            2 * tokens.half,
            cos.data(),
            sin.data(),
            {cache, k, k + cache.n_kv_heads * cache.head_dim, tokens.stride, tokens.n, first}};
  }
};

/// rope of queries and of keys, and kv_append, each by `rope` and `append`.
template <class Rope, class Append>
void one_by_one(const RopeAppendArgs& args, const Rope& rope, const Append& append) {
  const KvView& kv = args.append.kv;
  rope({args.q, args.q_stride, args.append.n_tokens, args.n_heads, kv.head_dim, args.rotary_dim, args.cos,
        args.sin});
  rope({const_cast<float*>(args.append.k), args.append.row_stride, args.append.n_tokens, kv.n_kv_heads,
        kv.head_dim, args.rotary_dim, args.cos, args.sin});
  append(args.append);
}

/// Chunks one after the other, in one launch each: bit by bit what three launches leave.
void check(const KvView& shape, std::size_t n_heads, std::size_t half, const std::vector<std::size_t>& chunks,
           bool aligned = true, std::int64_t first = 0) {
  INFO(describe(shape) << ", " << n_heads << " heads, rotated " << 2 * half
                       << (aligned ? "" : ", misaligned"));
  const DeviceKvCache cache(shape), expected(shape);
  DeviceArray<std::int64_t> position(1);
  for (const std::size_t n : chunks) {
    const Tokens tokens(shape, n_heads, n, half, aligned, static_cast<std::uint64_t>(first) + 3);
    DeviceTokens fused(tokens, aligned), apart(tokens, aligned);
    one_by_one(
        apart.args(tokens, expected.view(), n_heads, first),
        [](const kernels::RopeArgs& args) { finish(kernels::cuda::launch_rope(args, nullptr)); },
        [](const kernels::KvAppendArgs& args) {
          finish(kernels::cuda::launch_kv_append(args, nullptr, nullptr));
        });
    position.upload(std::vector<std::int64_t>{first});
    finish(kernels::cuda::launch_rope_append(fused.args(tokens, cache.view(), n_heads, first + 1),
                                             position.data(), nullptr));
    const std::vector<float> found = fused.qkv.download(), wanted = apart.qkv.download();
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
      const std::size_t column = i % tokens.stride, queries = n_heads * shape.head_dim,
                        keys = shape.n_kv_heads * shape.head_dim;
      const bool of_keys = column >= queries && column < queries + keys;  // as they were
      wrong += found[i] != (of_keys ? tokens.qkv[i] : wanted[i]);
    }
    CHECK(wrong == 0);
    first += static_cast<std::int64_t>(n);
  }
  CHECK(cache.rows() == expected.rows());
  CHECK(cache.gaps_untouched());
}

}  // namespace

TEST_CASE("rope_append is rope and kv_append on odd sizes, all types and layouts", "[sanitizer]") {
  for (const KvView& shape : kv_shapes()) {
    for (const bool aligned : {true, false}) {
      const std::size_t half = shape.head_dim / 2;
      check(shape, shape.n_kv_heads, half, {1, 5, 30}, aligned);
      check(shape, 7 * shape.n_kv_heads, half, {1, 2}, aligned, 1000003);
      check(shape, 2 * shape.n_kv_heads, half / 2, {3}, aligned);  // a part of the head
      check(shape, shape.n_kv_heads, 0, {3}, aligned);             // nothing of it
    }
  }
}

TEST_CASE("rope_append into a ring that has wrapped, behind sinks, and into the rings of levels") {
  for (KvView shape : kv_shapes()) {
    const std::size_t half = shape.head_dim / 2;
    shape.n_sinks = 3;
    check(shape, 3 * shape.n_kv_heads, half, {2, 40, 41, 50, 7});
    shape.n_sinks = 0;
    shape.n_levels = 3;
    shape.level_slots = 9;
    shape.capacity += 3 * 9;
    check(shape, shape.n_kv_heads, half, {1, 16, 16, 1, 16, 3, 16});
    check(shape, shape.n_kv_heads, half, {16, 1, 8}, true, (std::int64_t{1} << 40) - 5);
  }
}

TEST_CASE("rope_append leaves what the references leave") {
  for (const KvView& shape : kv_shapes()) {
    if (shape.scales_apart || kernels::kv_has_scales(shape.type))
      continue;  // an integer may differ by what rope rounds
    const std::size_t n_heads = 2 * shape.n_kv_heads;
    HostKvCache expected(shape);
    const DeviceKvCache cache(shape);
    Tokens tokens(shape, n_heads, 20, shape.head_dim / 2, true, 8);
    DeviceTokens device(tokens, true);
    finish(
        kernels::cuda::launch_rope_append(device.args(tokens, cache.view(), n_heads, 11), nullptr, nullptr));
    RopeAppendArgs args = device.args(tokens, expected.view(), n_heads, 11);
    args.q = tokens.qkv.data();
    args.append.k = args.q + n_heads * shape.head_dim;
    args.append.v = args.append.k + shape.n_kv_heads * shape.head_dim;
    args.cos = tokens.cos.data();
    args.sin = tokens.sin.data();
    one_by_one(args, kernels::reference::rope, kernels::reference::kv_append);
    const std::vector<float> q = device.qkv.download();
    double worst = 0;
    for (std::size_t i = 0; i < q.size(); ++i)
      if (i % tokens.stride < n_heads * shape.head_dim)
        worst = std::max(worst, std::fabs(double{q[i]} - double{tokens.qkv[i]}));
    CHECK(worst <= testing::tolerance(2, 2.0, testing::Rounding::f32));
    if (shape.type != KvType::f32) continue;
    const std::vector<char> found = cache.rows(), wanted = expected.rows();
    REQUIRE(found.size() == wanted.size());
    std::vector<float> a(found.size() / sizeof(float)), b(a.size());
    std::memcpy(a.data(), found.data(), found.size());
    std::memcpy(b.data(), wanted.data(), wanted.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (std::isnan(b[i])) b[i] = a[i] = std::isnan(a[i]) ? 0 : INFINITY;  // never written
    }
    check_close(a, b, testing::tolerance(2, 2.0, testing::Rounding::f32));
  }
}

TEST_CASE("rope_append reads and writes whole sectors") {
  for (const KvType type : {KvType::f32, KvType::bf16, KvType::i8, KvType::e4m3}) {
    KvView shape{type, nullptr, nullptr, 4, 128, 128, 64};
    shape.scales_apart = true;
    forget_counts();
    check(shape, 12, 64, {1, 20});
    check_coalesced("rope_append");
    // Queries are read and written once; keys and values are read once, or those with scales twice, and
    // written once; every row of q and k reads its half of both tables. What else is read is a table of
    // blocks, a position, and written scales.
    if (!counts_accesses()) continue;
    const std::uint64_t read = kernels::kv_has_scales(type) ? 2 : 1, tables = 12 + 4 * read,
                        floats = 21 * 128 * (12 * 2 + 8 * read + tables), cached = 21 * 128 * 8;
    const std::uint64_t bytes = floats * 4 + cached * (type == KvType::f32    ? 4
                                                       : type == KvType::bf16 ? 2
                                                                              : 1);
    const std::uint64_t sectors = counts("rope_append").sectors, rows = 21 * 8;
    CHECK(sectors >= bytes / 32);
    CHECK(sectors <= bytes / 32 + 3 * rows);
  }
}

TEST_CASE("a captured rope_append goes on where the position in device memory says") {
  const KvView shape{KvType::bf16, nullptr, nullptr, 2, 32, 70, 64};
  const DeviceKvCache cache(shape), expected(shape);
  const Tokens tokens(shape, 4, 1, 16, true, 1);
  DeviceTokens replayed(tokens, true), launched(tokens, true);
  DeviceArray<std::int64_t> position(std::vector<std::int64_t>{0});
  CapturedLaunch captured([&](cudaStream_t stream) {
    return kernels::cuda::launch_rope_append(replayed.args(tokens, cache.view(), 4, 0), position.data(),
                                             stream);
  });
  const auto launch = [&](std::int64_t pos) {
    finish(
        kernels::cuda::launch_rope_append(launched.args(tokens, expected.view(), 4, pos), nullptr, nullptr));
  };
  launch(0);  // as before the capture: queries and keys are rotated where they lie
  for (const std::int64_t pos : {0, 5, 69, 75}) {
    position.upload(std::vector<std::int64_t>{pos});
    captured.run();
    launch(pos);
  }
  CHECK(cache.rows() == expected.rows());
  CHECK(replayed.qkv.download() == launched.qkv.download());
}

TEST_CASE("rope_append of nothing") { finish(kernels::cuda::launch_rope_append({}, nullptr, nullptr)); }

}  // namespace transom::cuda_on_host
