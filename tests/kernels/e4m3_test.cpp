// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/e4m3.h"

#include <cmath>
#include <limits>
#include <vector>

#include "core/float_convert.h"
#include "kernels/common/attention_args.h"
#include "kernels/common/bf16.h"
#include "kernels/cpu/kernel_table.h"
#include "tests/kernels/kv_blocks.h"
#include "tests/kernels/support.h"
#include "tests/support/catch.h"

namespace transom::testing {
namespace {

std::uint8_t to_e4m3(float value) { return kernels::e4m3_of_bits(kernels::f32_to_bits(value)); }
float from_e4m3(int code) {
  return kernels::bits_to_f32(kernels::bits_of_e4m3(static_cast<std::uint8_t>(code)));
}

/// One row through kv_append, at position 0.
std::vector<char> append(kernels::Isa isa, const std::vector<float>& row) {
  kernels::KvView view{kernels::KvType::e4m3, nullptr, nullptr, 1, row.size(), 64, 64};
  KvBlocks keys(block_bytes(view), 1, 1), values(block_bytes(view), 1, 2);
  view.keys = keys.table();
  view.values = values.table();
  kernels::kernel_table(isa).kv_append.run({view, row.data(), row.data(), row.size(), 1, 0});
  const char* stored = kernels::kv_row(view, view.keys, 0, 0);
  return {stored, stored + kernels::kv_row_bytes(view.type, row.size())};
}
float scale_of(const std::vector<char>& row) {
  return kernels::kv_row_scale(row.data(), row.size() - sizeof(float));
}

}  // namespace

TEST_CASE("e4m3: facts of the format") {
  CHECK(from_e4m3(0x00) == 0.0f);
  CHECK(from_e4m3(0x01) == 0x1p-9f);  // the smallest
  CHECK(from_e4m3(0x07) == 7 * 0x1p-9f);
  CHECK(from_e4m3(0x08) == 0x1p-6f);  // the smallest normal one
  CHECK(from_e4m3(0x38) == 1.0f);
  CHECK(from_e4m3(0x3c) == 1.5f);
  CHECK(from_e4m3(0xc0) == -2.0f);
  CHECK(from_e4m3(0x77) == 240.0f);
  CHECK(from_e4m3(0x7e) == 448.0f);  // the largest
  CHECK(std::isnan(from_e4m3(0x7f)));
  CHECK(std::isnan(from_e4m3(0xff)));
  CHECK(std::signbit(from_e4m3(0x80)));
}

TEST_CASE("e4m3: all codes are what the loader of weights reads, and come back") {
  for (int code = 0; code < 256; ++code) {
    const float value = from_e4m3(code),
                expected = core::small_float(static_cast<std::uint32_t>(code), 4, 3, true);
    INFO("code " << code);
    if (std::isnan(expected)) {
      CHECK(std::isnan(value));
      CHECK((to_e4m3(value) & 0x7f) == 0x7f);
      continue;
    }
    CHECK(value == expected);
    CHECK(std::signbit(value) == std::signbit(expected));
    CHECK(to_e4m3(value) == code);
  }
}

TEST_CASE("e4m3: rounds to nearest, ties to even, and saturates") {
  for (const float sign : {1.0f, -1.0f}) {
    const int bit = sign < 0 ? 0x80 : 0;
    for (int code = 0; code < 0x7e; ++code) {
      const float low = from_e4m3(code), high = from_e4m3(code + 1), middle = (low + high) / 2;  // exact
      INFO("between " << low << " and " << high);
      CHECK(to_e4m3(sign * middle) == (bit | (code + code % 2)));
      CHECK(to_e4m3(sign * std::nextafter(middle, low)) == (bit | code));
      CHECK(to_e4m3(sign * std::nextafter(middle, high)) == (bit | (code + 1)));
      CHECK(to_e4m3(sign * std::nextafter(low, high)) == (bit | code));
      CHECK(to_e4m3(sign * std::nextafter(high, low)) == (bit | (code + 1)));
    }
    for (const float beyond : {448.0f, 448.1f, 463.9f, 464.0f, 480.0f, 1e30f, INFINITY})
      CHECK(to_e4m3(sign * beyond) == (bit | 0x7e));
    CHECK(to_e4m3(sign * std::numeric_limits<float>::denorm_min()) == bit);
    CHECK(to_e4m3(sign * 0.0f) == bit);
  }
  CHECK((to_e4m3(NAN) & 0x7f) == 0x7f);
}

TEST_CASE("e4m3: the scale of a row is the power of two that brings its largest number into (224, 448]") {
  for (const float largest : {448.0f, 448.1f, 224.0f, 224.1f, 1.0f, 0.875f, 0.876f, 3e38f, 1e-30f, 7.7f}) {
    const kernels::E4m3RowScale bits = kernels::e4m3_row_scale(kernels::f32_to_bits(largest));
    const float scale = kernels::bits_to_f32(bits.scale), factor = kernels::bits_to_f32(bits.factor);
    INFO(largest);
    CHECK(scale * factor == 1.0f);
    CHECK((bits.scale & 0x7fffffu) == 0);  // a power of two
    CHECK(largest * factor <= 448.0f);
    CHECK(largest * factor > 224.0f);
  }
}

TEST_CASE("e4m3: rows of a cache hold their numbers to four bits, in every variant the same") {
  for (const kernels::Isa isa : supported_isas()) {
    INFO(kernels::isa_name(isa));
    for (const std::size_t n : {1, 3, 8, 15, 16, 17, 31, 64, 100, 128, 257}) {
      for (const float size : {1.0f, 1000.0f, 1e-20f}) {
        std::vector<float> row(n);
        Random(n).fill(row.data(), n);
        for (std::size_t i = 0; i < n; ++i) row[i] *= size * std::ldexp(1.0f, -static_cast<int>(i % 20));
        const std::vector<char> stored = append(isa, row);
        CHECK(stored == append(kernels::Isa::scalar, row));
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < n; ++i) {
          const float value = from_e4m3(static_cast<std::uint8_t>(stored[i])) * scale_of(stored);
          const float allowed = std::max(std::fabs(row[i]) / 16, scale_of(stored) * 0x1p-10f);
          wrong += std::fabs(value - row[i]) > allowed;
        }
        CHECK(wrong == 0);
      }
    }
    for (const float special : {0.0f, 1e-31f}) {
      const std::vector<char> stored = append(isa, std::vector<float>(20, special));
      CHECK(stored == std::vector<char>(24, 0));
    }
    for (const float special : {NAN, INFINITY, -INFINITY}) {
      std::vector<float> row(20, 1.0f);
      row[17] = special;
      const std::vector<char> stored = append(isa, row);
      CHECK(std::vector<char>(stored.begin(), stored.begin() + 20) == std::vector<char>(20, 0));
      CHECK(std::isnan(scale_of(stored)));
    }
    // Halves of the last place, of normal numbers and of subnormal ones; -0 keeps its sign.
    const std::vector<char> ties =
        append(isa, {256.0f, 17.0f, 19.0f, -17.0f, 0x1p-10f, 0x1.8p-9f, -0.0f, 0x1.fp-7f});
    const std::vector<char> codes = {char(0x78), char(0x58), char(0x5a), char(0xd8),
                                     char(0x00), char(0x02), char(0x80), char(0x08)};
    CHECK(scale_of(ties) == 1.0f);
    CHECK(std::vector<char>(ties.begin(), ties.begin() + 8) == codes);
  }
}

}  // namespace transom::testing
