// SPDX-License-Identifier: Apache-2.0
#include "core/float_convert.h"

#include <limits>
#include <vector>

#include "tests/support/catch.h"

using transom::DType;

namespace {

template <typename T>
float convert(DType dtype, T bits) {
  float value = 0;
  transom::core::to_float(dtype, reinterpret_cast<const std::byte*>(&bits), {&value, 1});
  return value;
}

}  // namespace

TEST_CASE("float conversion: known bit patterns") {
  CHECK(convert<std::uint16_t>(DType::bf16, 0x3f80) == 1.0f);
  CHECK(convert<std::uint16_t>(DType::bf16, 0xc049) == -3.140625f);
  CHECK(convert<std::uint16_t>(DType::f16, 0x3c00) == 1.0f);
  CHECK(convert<std::uint16_t>(DType::f16, 0xc248) == -3.140625f);
  CHECK(convert<std::uint16_t>(DType::f16, 0x0001) == 0x1p-24f);
  CHECK(convert<std::uint16_t>(DType::f16, 0x7bff) == 65504.0f);
  CHECK(convert<std::uint16_t>(DType::f16, 0xfc00) == -std::numeric_limits<float>::infinity());
  CHECK(std::isnan(convert<std::uint16_t>(DType::f16, 0x7e00)));
  CHECK(convert<std::uint8_t>(DType::f8_e4m3, 0x38) == 1.0f);
  CHECK(convert<std::uint8_t>(DType::f8_e4m3, 0x7e) == 448.0f);
  CHECK(convert<std::uint8_t>(DType::f8_e4m3, 0x81) == -0x1p-9f);
  CHECK(std::isnan(convert<std::uint8_t>(DType::f8_e4m3, 0xff)));
  CHECK(convert<std::uint8_t>(DType::f8_e5m2, 0x3c) == 1.0f);
  CHECK(convert<std::uint8_t>(DType::f8_e5m2, 0x7b) == 57344.0f);
  CHECK(convert<std::uint8_t>(DType::f8_e5m2, 0xfc) == -std::numeric_limits<float>::infinity());
  CHECK(convert<double>(DType::f64, 0.1) == 0.1f);
  CHECK(convert<float>(DType::f32, -7.5f) == -7.5f);
}

TEST_CASE("float conversion: numbers of f16 give their own bits back") {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    if ((bits & 0x7c00) == 0x7c00) continue;  // infinities and NaN
    const auto half = static_cast<std::uint16_t>(bits);
    REQUIRE(transom::core::f16_bits(convert<std::uint16_t>(DType::f16, half)) == half);
  }
}
