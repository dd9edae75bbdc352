// SPDX-License-Identifier: Apache-2.0
#include "tests/support/tolerance.h"

#include <limits>

#include "tests/support/catch.h"

using transom::testing::close;
using transom::testing::Rounding;
using transom::testing::tolerance;

TEST_CASE("tolerance accepts rounding and nothing else") {
  const double allowed = tolerance(1024, 10.0, Rounding::f32);
  for (const double sign : {1.0, -1.0}) {
    CHECK(close(sign * 10.0, sign * 10.0, allowed));
    CHECK(close(sign * (10.0 + 0.9 * allowed), sign * 10.0, allowed));
    CHECK_FALSE(close(sign * (10.0 + 1.1 * allowed), sign * 10.0, allowed));
    CHECK_FALSE(close(sign * (10.0 - 1.1 * allowed), sign * 10.0, allowed));
    CHECK_FALSE(close(sign * 100.0, sign * 10.0, allowed));
    CHECK_FALSE(close(sign * 10.0, sign * -10.0, allowed));
  }
  CHECK(allowed < 1e-3);
}

TEST_CASE("tolerance rejects what is not finite") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  for (const double bad : {nan, inf, -inf}) {
    CHECK_FALSE(close(bad, 1.0, 1.0));
    CHECK_FALSE(close(1.0, bad, 1.0));
    CHECK_FALSE(close(bad, bad, 1.0));
    CHECK_FALSE(close(1.0, 1.0, bad));
  }
  CHECK_FALSE(close(1.0, 1.0, -1.0));
}

TEST_CASE("tolerance grows with length, magnitude and coarser operands") {
  CHECK(tolerance(100, 1.0, Rounding::f32) < tolerance(10000, 1.0, Rounding::f32));
  CHECK(tolerance(100, 1.0, Rounding::f32) < tolerance(100, 2.0, Rounding::f32));
  CHECK(tolerance(100, 1.0, Rounding::f32) < tolerance(100, 1.0, Rounding::bf16));
  CHECK(tolerance(1000, 0.0, Rounding::f32) == 0.0);
}
