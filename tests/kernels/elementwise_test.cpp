// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/common/bf16.h"
#include "kernels/cpu/kernel_table.h"
#include "tests/kernels/support.h"
#include "tests/support/catch.h"
#include "tests/support/tolerance.h"

namespace transom::testing {
namespace {

using kernels::Isa;
using kernels::KernelTable;

constexpr std::size_t kSizes[] = {0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 200};
constexpr std::size_t kTokens = 3, kGap = 5;
constexpr float kUntouched = -77.0f;

/// kTokens rows of n numbers with kGap untouched ones behind each.
struct RowsOf {
  explicit RowsOf(std::size_t n, std::uint64_t seed = 0, std::size_t shift = 1)
      : stride(n + kGap), data(kTokens * stride, kUntouched, shift) {
    if (seed == 0) return;
    Random random(seed);
    for (std::size_t t = 0; t < kTokens; ++t) random.fill(data.data() + t * stride, n);
  }
  std::size_t stride;
  Aligned<float> data;
};

const KernelTable& scalar() { return kernels::kernel_table(Isa::scalar); }

/// All of dst, gaps included, against expected.
void check_rows(const RowsOf& actual, const RowsOf& expected, std::size_t length, double magnitude,
                const char* op, Isa isa) {
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < actual.data.size(); ++i) {
    const double allowed = tolerance(length, magnitude, Rounding::f32);
    if (!close(static_cast<double>(actual.data[i]), static_cast<double>(expected.data[i]), allowed)) ++wrong;
  }
  INFO(op << " " << kernels::isa_name(isa) << " row length " << actual.stride - kGap);
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("rms_norm reference") {
  const float src[2] = {3.0f, 4.0f}, weight[2] = {1.0f, 0.5f};
  float dst[2];
  scalar().rms_norm.run({src, 2, weight, dst, 2, 1, 2, 0.5f, 1.0f});
  const double factor = 1 / std::sqrt(12.5 + 0.5);
  CHECK(close(static_cast<double>(dst[0]), 3 * factor * 2, 1e-6));
  CHECK(close(static_cast<double>(dst[1]), 4 * factor * 1.5, 1e-6));
}

TEST_CASE("rms_norm variants agree, also in place") {
  for (const Isa isa : supported_isas()) {
    for (const std::size_t n : kSizes) {
      if (n == 0) continue;  // a mean of nothing
      RowsOf src(n, n + 1), expected(n), dst(n);
      Aligned<float> weight(n, 0.0f, 3);
      Random(9).fill(weight.data(), n);
      kernels::RmsNormArgs args{
          src.data.data(), src.stride, weight.data(), expected.data.data(), expected.stride, kTokens, n,
          1e-6f,           1.0f};
      scalar().rms_norm.run(args);
      args.dst = dst.data.data();
      kernels::kernel_table(isa).rms_norm.run(args);
      const double largest = std::sqrt(static_cast<double>(n)) * 2;
      check_rows(dst, expected, n, largest, "rms_norm", isa);
      args.dst = src.data.data();
      kernels::kernel_table(isa).rms_norm.run(args);
      check_rows(src, expected, n, largest, "rms_norm in place", isa);
    }
  }
}

TEST_CASE("rope rotates pairs half a rotary width apart, and leaves the rest") {
  const float cos[1] = {0.6f}, sin[1] = {0.8f};
  float x[3] = {1.0f, 2.0f, 5.0f};
  scalar().rope.run({x, 3, 1, 1, 3, 2, cos, sin});
  CHECK(close(static_cast<double>(x[0]), 0.6 - 1.6, 1e-6));
  CHECK(close(static_cast<double>(x[1]), 1.2 + 0.8, 1e-6));
  CHECK(x[2] == 5.0f);
}

TEST_CASE("rope variants agree") {
  for (const Isa isa : supported_isas()) {
    for (const std::size_t half : kSizes) {
      const std::size_t head_dim = 2 * half + 3, n_heads = 2, n = head_dim * n_heads;
      RowsOf expected(n, 5), actual(n, 5);
      Aligned<float> cos(kTokens * half, 0.0f, 1), sin(kTokens * half, 0.0f, 1);
      Random(3).fill(cos.data(), cos.size());
      Random(4).fill(sin.data(), sin.size());
      kernels::RopeArgs args{expected.data.data(), expected.stride, kTokens, n_heads, head_dim, 2 * half,
                             cos.data(),           sin.data()};
      scalar().rope.run(args);
      args.x = actual.data.data();
      kernels::kernel_table(isa).rope.run(args);
      check_rows(actual, expected, 2, 2.0, "rope", isa);
    }
  }
}

TEST_CASE("rope_table holds cosines and sines of position times frequency") {
  const std::int64_t positions[2] = {3, 100000};
  const float inv_freq[2] = {1.0f, 0.01f};
  float cos[4], sin[4];
  for (const Isa isa : supported_isas()) {
    kernels::kernel_table(isa).rope_table.run({positions, inv_freq, 2, 2, 2.0f, cos, sin});
    for (std::size_t i = 0; i < 4; ++i) {
      const double angle = static_cast<double>(static_cast<float>(positions[i / 2]) * inv_freq[i % 2]);
      CHECK(close(static_cast<double>(cos[i]), 2 * std::cos(angle), 1e-6));
      CHECK(close(static_cast<double>(sin[i]), 2 * std::sin(angle), 1e-6));
    }
  }
}

TEST_CASE("gated_mul variants agree, far out as well") {
  for (const Isa isa : supported_isas()) {
    for (const std::size_t n : kSizes) {
      RowsOf src(2 * n, 6), expected(n), dst(n);
      const float far[] = {0.0f, -0.0f, 20.0f, -20.0f, 90.0f, -90.0f, 500.0f, -500.0f, 1e-20f};
      for (std::size_t i = 0; i < n && i < 9; ++i) src.data[i] = far[i];
      kernels::GatedMulArgs args{src.data.data(), src.stride, expected.data.data(),
                                 expected.stride, kTokens,    n};
      scalar().gated_mul.run(args);
      args.dst = dst.data.data();
      kernels::kernel_table(isa).gated_mul.run(args);
      for (std::size_t i = 0; i < dst.data.size(); ++i) {
        const double value = static_cast<double>(expected.data[i]);
        INFO(kernels::isa_name(isa) << " n " << n << " at " << i);
        CHECK(close(static_cast<double>(dst.data[i]), value,
                    tolerance(1, std::fabs(value), Rounding::f32) + 1e-30));
      }
    }
  }
}

TEST_CASE("gated_mul passes a NaN on") {
  for (const Isa isa : supported_isas()) {
    float src[2] = {std::numeric_limits<float>::quiet_NaN(), 1.0f}, dst[1] = {0};
    kernels::kernel_table(isa).gated_mul.run({src, 2, dst, 1, 1, 1});
    CHECK(std::isnan(dst[0]));
  }
}

TEST_CASE("add variants agree") {
  for (const Isa isa : supported_isas()) {
    for (const std::size_t n : kSizes) {
      RowsOf src(n, 6), expected(n, 7), dst(n, 7);
      for (std::size_t t = 0; t < kTokens; ++t) {
        for (std::size_t i = 0; i < n; ++i)
          expected.data[t * expected.stride + i] += src.data[t * src.stride + i];
      }
      kernels::kernel_table(isa).add.run(
          {src.data.data(), src.stride, dst.data.data(), dst.stride, kTokens, n});
      check_rows(dst, expected, 1, 0.0, "add", isa);
    }
  }
}

TEST_CASE("embed reads rows of every table type") {
  const std::int32_t ids[kTokens] = {4, 0, 4};
  for (const Isa isa : supported_isas()) {
    for (const std::size_t n : kSizes) {
      std::vector<float> f32(5 * n + 1);
      std::vector<std::uint16_t> bf16(5 * n + 1), f16(5 * n + 1);
      for (std::size_t i = 0; i < f32.size(); ++i) {
        f32[i] = static_cast<float>(i % 64) - 32.0f;  // exact in all three
        bf16[i] = kernels::f32_to_bf16(f32[i]);
        f16[i] = 0x3c00;  // 1
      }
      const void* tables[] = {f32.data() + 1, bf16.data() + 1, f16.data() + 1};
      for (int type = 0; type < 3; ++type) {
        RowsOf expected(n), dst(n);
        for (std::size_t t = 0; t < kTokens; ++t) {
          for (std::size_t i = 0; i < n; ++i) {
            const float value = type == 2 ? 1.0f : f32[1 + static_cast<std::size_t>(ids[t]) * n + i];
            expected.data[t * expected.stride + i] = value * 0.5f;
          }
        }
        kernels::EmbedArgs args;
        args.table = tables[type];
        args.type = static_cast<kernels::TableType>(type);
        args.ids = ids;
        args.dst = dst.data.data();
        args.dst_stride = dst.stride;
        args.n_tokens = kTokens;
        args.hidden = n;
        args.scale = 0.5f;
        kernels::kernel_table(isa).embed.run(args);
        check_rows(dst, expected, 1, 0.0, "embed", isa);
      }
    }
  }
}

TEST_CASE("half formats convert exactly, subnormals and specials included") {
  CHECK(kernels::f16_to_f32(0x0001) == 0x1p-24f);
  CHECK(kernels::f16_to_f32(0x83ff) == -1023 * 0x1p-24f);
  CHECK(kernels::f16_to_f32(0x7bff) == 65504.0f);
  CHECK(kernels::f16_to_f32(0xfc00) == -std::numeric_limits<float>::infinity());
  CHECK(std::isnan(kernels::f16_to_f32(0x7c01)));
  CHECK(kernels::f32_to_bf16(1.00390625f) == 0x3f80);  // half way: to even
  CHECK(kernels::f32_to_bf16(1.01171875f) == 0x3f82);
  CHECK(std::isnan(kernels::bf16_to_f32(kernels::f32_to_bf16(kernels::bits_to_f32(0x7f800001)))));
  CHECK(kernels::bf16_to_f32(kernels::f32_to_bf16(-3.0e38f)) < -2.9e38f);
}

TEST_CASE("the table runs the variant that its row names") {
  const auto all = [](const KernelTable& t) {
    return std::vector<Isa>{t.quantize_rows.variant, t.rms_norm.variant,  t.rope.variant, t.kv_append.variant,
                            t.attention.variant,     t.gated_mul.variant, t.add.variant,  t.embed.variant};
  };
  const std::size_t ops = 8;
  CHECK(all(kernels::kernel_table(Isa::scalar)) == std::vector<Isa>(ops, Isa::scalar));
  CHECK(all(kernels::kernel_table(Isa::avx2)) == std::vector<Isa>(ops, Isa::avx2));
  CHECK(all(kernels::kernel_table(Isa::avx512)) == std::vector<Isa>(ops, Isa::avx512));
  for (const Isa isa : {Isa::avx512_vnni, Isa::avx512_bf16, Isa::amx}) {
    std::vector<Isa> with_attention(ops, Isa::avx512);
    with_attention[4] = isa;
    CHECK(all(kernels::kernel_table(isa)) == with_attention);
  }
  CHECK(kernels::kernel_table(Isa::avx2).rms_norm.run != kernels::kernel_table(Isa::avx512).rms_norm.run);
}

TEST_CASE("an instruction set is forced by name or refused with words") {
  CHECK(kernels::select_isa("scalar").isa == Isa::scalar);
  CHECK(kernels::select_isa("scalar").error == nullptr);
  CHECK(kernels::select_isa("").isa == kernels::best_isa());
  CHECK(kernels::select_isa(nullptr).isa == kernels::best_isa());
  CHECK(std::string(kernels::select_isa("avx3").error).find("unknown") == 0);
  CHECK(kernels::select_isa("AVX2").error != nullptr);
  CHECK(kernels::has_isa(kernels::best_isa()));
  for (const Isa isa : {Isa::avx512_bf16, Isa::amx})
    CHECK((kernels::select_isa(kernels::isa_name(isa)).error == nullptr) == kernels::has_isa(isa));
}

}  // namespace transom::testing
