// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstdint>
#include <vector>

#include "kernels/common/bf16.h"
#include "kernels/cpu/kernel_table.h"
#include "tests/kernels/support.h"
#include "tests/support/catch.h"

namespace transom::testing {

using kernels::Isa;
using kernels::WeightType;

TEST_CASE("integers unpack to what was packed, and padding is zero") {
  for (const WeightType type : {WeightType::i8, WeightType::i4, WeightType::i3, WeightType::i2}) {
    const unsigned last = (1u << kernels::weight_bits(type)) - 1;
    for (const std::size_t rows : {1, 63, 64}) {
      for (const std::size_t k : {1, 3, 4, 31, 32, 33, 64, 65, 130}) {
        std::vector<std::uint8_t> values(rows * k);
        for (std::size_t i = 0; i < values.size(); ++i)
          values[i] = static_cast<std::uint8_t>((i * 37 + i / 11) & last);
        Aligned<char> panel(kernels::panel_bytes(type, k), char{0x55});
        kernels::kernel_table(Isa::scalar).pack_integers.run({values.data(), rows, k, type, panel.data()});
        const unsigned nothing = type == WeightType::i8 ? 0x80u : 0u;  // what zero bits mean
        std::size_t wrong = 0;
        for (std::size_t row = 0; row < 64; ++row) {
          for (std::size_t col = 0; col < kernels::padded_k(type, k); ++col) {
            const unsigned expected = row < rows && col < k ? values[row * k + col] : nothing;
            wrong += kernels::packed_integer(type, panel.data(), k, row, col) != expected;
          }
        }
        INFO("bits " << kernels::weight_bits(type) << " rows " << rows << " k " << k);
        CHECK(wrong == 0);
      }
    }
  }
}

TEST_CASE("halves round to nearest even and keep what they hold") {
  for (unsigned bits = 0; bits < 0x7c00u; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float value = kernels::f16_to_f32(half),
                next = kernels::f16_to_f32(static_cast<std::uint16_t>(bits + 1));
    REQUIRE(kernels::f32_to_f16(value) == half);
    REQUIRE(kernels::f32_to_f16(-value) == (half | 0x8000u));
    if (bits + 1 == 0x7c00u) continue;
    const std::uint16_t even = (bits & 1u) == 0 ? half : static_cast<std::uint16_t>(bits + 1);
    REQUIRE(kernels::f32_to_f16((value + next) / 2) == even);
    REQUIRE(kernels::f32_to_f16(value + (next - value) * 0.4f) == half);
  }
  CHECK(kernels::f32_to_f16(65519.0f) == 0x7bff);
  CHECK(kernels::f32_to_f16(65520.0f) == 0x7c00);
  CHECK(kernels::f32_to_f16(INFINITY) == 0x7c00);
  CHECK((kernels::f32_to_f16(NAN) & 0x7fff) > 0x7c00);
}

}  // namespace transom::testing
