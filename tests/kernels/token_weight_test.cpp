// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/token_weight.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/support/catch.h"

namespace transom {

constexpr float kInf = std::numeric_limits<float>::infinity();

TEST_CASE("token weights: exp within half a unit, exact where devices must agree") {
  double worst = 0;
  for (float x = 0; x > -86.9f; x -= 0.00731f) {
    const double exact = std::exp(static_cast<double>(x));
    worst = std::max(worst, std::fabs(static_cast<double>(kernels::exp_of_negative(x)) - exact) / exact);
  }
  CHECK(worst < 0x1p-24 + 4e-9);
  CHECK(kernels::exp_of_negative(0) == 1);
  CHECK(kernels::exp_of_negative(-0.0f) == 1);
  CHECK(kernels::exp_of_negative(-kInf) == 0);
  CHECK(kernels::exp_of_negative(std::numeric_limits<float>::quiet_NaN()) == 0);
  CHECK(kernels::exp_of_negative(-1) == 0x1.78b564p-2f);
  CHECK(kernels::relative_probability(kInf, kInf, 1) == 1);
  CHECK(kernels::relative_probability(3, kInf, 1) == 0);
  CHECK(kernels::token_weight(1) == std::uint64_t{1} << 40);
  CHECK(kernels::multiply_high(~std::uint64_t{0}, ~std::uint64_t{0}) == ~std::uint64_t{1});
  CHECK(kernels::multiply_high(std::uint64_t{1} << 63, 7) == 3);
  CHECK(kernels::weight_of_share(kernels::share_in_units(0.5f), 6) == 3);
  CHECK(kernels::weight_of_share(kernels::share_in_units(0.5f), 7) == 4);
}

}  // namespace transom
