// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/common/bf16.h"
#include "kernels/cpu/kernel_table.h"
#include "tests/kernels/support.h"
#include "tests/support/catch.h"
#include "tests/support/tolerance.h"

namespace transom::testing {
namespace {

using kernels::Isa;
using kernels::PackArgs;
using kernels::SourceType;
using kernels::WeightType;

struct Packed {
  Packed(WeightType type_, std::size_t n_, std::size_t k_)
      : type(type_), n(n_), k(k_), data(kernels::packed_bytes(type, n, k), char{0x55}) {}

  /// Rows of `element` bytes each at odd addresses; panels one call at a time.
  void pack(SourceType source, std::size_t element, const std::vector<char>& values) {
    std::vector<char> memory(n * (k * element + 1) + 1);
    std::vector<const void*> rows(n);
    for (std::size_t o = 0; o < n; ++o) {
      char* row = memory.data() + o * (k * element + 1) + 1;
      if (k > 0) std::memcpy(row, values.data() + o * k * element, k * element);
      rows[o] = row;
    }
    PackArgs args;
    args.rows = rows.data();
    args.source = source;
    args.type = type;
    args.n = n;
    args.k = k;
    args.data = data.data();
    for (std::size_t panel = 0; panel < kernels::panel_count(n); ++panel) {
      args.panel_begin = panel;
      args.panel_end = panel + 1;
      kernels::kernel_table(Isa::scalar).pack.run(args);
    }
  }

  std::size_t padded_n() const { return kernels::panel_count(n) * 64; }
  template <typename T>
  T at(std::size_t row, std::size_t col) const {
    T value;
    std::memcpy(&value, data.data() + kernels::packed_index(type, k, row, col) * sizeof(T), sizeof(T));
    return value;
  }
  /// Everything outside [n, k] is zero.
  template <typename T>
  void check_padding() const {
    for (std::size_t row = 0; row < padded_n(); ++row) {
      for (std::size_t col = row < n ? k : 0; col < kernels::padded_k(type, k); ++col) {
        REQUIRE(at<T>(row, col) == T{0});
      }
    }
  }

  WeightType type;
  std::size_t n, k;
  Aligned<char> data;
};

template <typename T>
std::vector<char> bytes_of(const std::vector<T>& values) {
  std::vector<char> bytes(values.size() * sizeof(T));
  if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

std::vector<float> random_values(std::size_t count) {
  std::vector<float> values(count);
  Random(11).fill(values.data(), count);
  return values;
}

}  // namespace

TEST_CASE("pack puts floats where packed_index says") {
  for (const std::size_t n : {1, 63, 64, 65, 130}) {
    for (const std::size_t k : {1, 31, 32, 33, 64, 65, 130}) {
      const std::vector<float> values = random_values(n * k);
      Packed f32(WeightType::f32, n, k), bf16(WeightType::bf16, n, k);
      f32.pack(SourceType::f32, 4, bytes_of(values));
      bf16.pack(SourceType::f32, 4, bytes_of(values));
      for (std::size_t o = 0; o < n; ++o) {
        for (std::size_t i = 0; i < k; ++i) {
          REQUIRE(f32.at<float>(o, i) == values[o * k + i]);
          REQUIRE(bf16.at<std::uint16_t>(o, i) == kernels::f32_to_bf16(values[o * k + i]));
        }
      }
      f32.check_padding<float>();
      bf16.check_padding<std::uint16_t>();
    }
  }
}

TEST_CASE("pack widens bf16 and f16, and keeps bf16 as it is") {
  const std::size_t n = 3, k = 37;
  std::vector<std::uint16_t> halves(n * k);
  for (std::size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<std::uint16_t>(0x3000 + 37 * i);
  Packed from_bf16(WeightType::f32, n, k), from_f16(WeightType::f32, n, k), kept(WeightType::bf16, n, k);
  from_bf16.pack(SourceType::bf16, 2, bytes_of(halves));
  from_f16.pack(SourceType::f16, 2, bytes_of(halves));
  kept.pack(SourceType::bf16, 2, bytes_of(halves));
  for (std::size_t o = 0; o < n; ++o) {
    for (std::size_t i = 0; i < k; ++i) {
      CHECK(from_bf16.at<float>(o, i) == kernels::bf16_to_f32(halves[o * k + i]));
      CHECK(from_f16.at<float>(o, i) == kernels::f16_to_f32(halves[o * k + i]));
      CHECK(kept.at<std::uint16_t>(o, i) == halves[o * k + i]);
    }
  }
}

TEST_CASE("quantize_rows is the same in all variants, bit for bit") {
  for (const Isa isa : supported_isas()) {
    for (const std::size_t k : {1, 7, 8, 15, 16, 17, 63, 64, 65, 200}) {
      const std::size_t rows = 6, src_stride = k + 3, dst_stride = k + 1;
      Aligned<float> src(rows * src_stride, 0.0f, 1);
      Random(k).fill(src.data(), src.size());
      for (std::size_t i = 0; i < k; ++i) {
        src[i] = 0;
        src[src_stride + i] *= 1e-35f;
        src[2 * src_stride + i] = static_cast<float>(i) - 2.5f;  // ties
      }
      src[3 * src_stride + k - 1] = INFINITY;
      src[4 * src_stride] = NAN;
      Aligned<std::int8_t> expected(rows * dst_stride, 99), actual(rows * dst_stride, 99);
      Aligned<float> expected_scale(rows), actual_scale(rows);
      kernels::QuantizeRowsArgs args{src.data(), src_stride,      k,          0,
                                     rows,       expected.data(), dst_stride, expected_scale.data()};
      kernels::kernel_table(Isa::scalar).quantize_rows.run(args);
      args.dst = actual.data();
      args.scale = actual_scale.data();
      kernels::kernel_table(isa).quantize_rows.run(args);
      INFO(kernels::isa_name(isa) << " k " << k);
      CHECK(std::memcmp(expected.data(), actual.data(), rows * dst_stride) == 0);
      CHECK(expected_scale[0] == 0.0f);
      CHECK(expected_scale[1] == 0.0f);
      CHECK(std::isnan(expected_scale[3]));
      CHECK(std::isnan(expected_scale[4]));
      for (std::size_t r = 0; r < rows; ++r) {
        CHECK((expected_scale[r] == actual_scale[r] ||
               (std::isnan(expected_scale[r]) && std::isnan(actual_scale[r]))));
      }
    }
  }
}

}  // namespace transom::testing
