// SPDX-License-Identifier: Apache-2.0
/// Rows of numbers for the contract tests of elementwise kernels.
#pragma once

#include <cmath>
#include <vector>

#include "tests/cuda_on_host/device_array.h"
#include "tests/kernels/support.h"
#include "tests/support/tolerance.h"

namespace transom::cuda_on_host {

/// Around the widths of accesses, warps and blocks, and beyond what a block keeps in registers.
inline constexpr std::size_t kSizes[] = {1,   2,   3,   4,   5,   31,  32,   33,   64,   127,  128,  129, 255,
                                         256, 257, 511, 512, 513, 516, 1000, 1028, 2049, 8191, 8192, 8200};
inline constexpr std::size_t kTokens = 3;
inline constexpr float kUntouched = -77.0f;

/// kTokens rows of n numbers, some untouched ones behind each; all rows begin at multiples of 16 bytes, or
/// the first does not.
class Rows {
 public:
  Rows(std::size_t n, bool aligned, std::uint64_t seed = 0)
      : n_(n),
        stride_(aligned ? (n + 15) / 8 * 8 : n + 5),
        shift_(aligned ? 0 : 1),
        values_(kTokens * stride_, kUntouched) {
    if (seed == 0) return;
    testing::Random random(seed);
    for (std::size_t t = 0; t < kTokens; ++t) random.fill(values_.data() + t * stride_, n);
  }
  std::size_t n() const { return n_; }
  std::size_t stride() const { return stride_; }
  std::vector<float>& values() { return values_; }
  const std::vector<float>& values() const { return values_; }
  float* data() { return values_.data(); }
  DeviceArray<float> on_device() const { return DeviceArray<float>(values_, shift_); }

 private:
  std::size_t n_, stride_, shift_;
  std::vector<float> values_;
};

/// Checks numbers, those between rows too, against expected ones. relative: to each expected number.
inline void check_close(const std::vector<float>& actual, const std::vector<float>& expected, double allowed,
                        bool relative = false) {
  REQUIRE(actual.size() == expected.size());
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double value = expected[i], magnitude = relative ? std::fabs(value) : 1.0;
    if (!testing::close(double{actual[i]}, value, allowed * magnitude)) ++wrong;
  }
  CHECK(wrong == 0);
}

/// Checks that a kernel asked global memory for no more sectors than its bytes fill.
inline void check_coalesced(const char* kernel) {
  if (!counts_accesses()) return;
  INFO(describe_counts(kernel));
  const Tally tally = counts(kernel);
  CHECK(tally.accesses > 0);
  CHECK(tally.sectors == tally.least_sectors);
  CHECK(tally.conflicts == 0);
}

}  // namespace transom::cuda_on_host
