// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/rope_table.h"

#include "kernels/cpu/reference/reference.h"
#include "tests/cuda_on_host/ops/rows.h"

namespace transom::cuda_on_host {
namespace {

/// Angles are made in f32 and then exact: what is compared is the function alone, at any size of the angle.
void check_table(const std::vector<std::int64_t>& positions, const std::vector<float>& inv_freq,
                 float magnitude) {
  const std::size_t n = positions.size() * inv_freq.size();
  const DeviceArray<std::int64_t> device_positions(positions);
  const DeviceArray<float> device_freq(inv_freq);
  DeviceArray<float> cos(n), sin(n);
  finish(kernels::cuda::launch_rope_table({device_positions.data(), device_freq.data(), positions.size(),
                                           inv_freq.size(), magnitude, cos.data(), sin.data()},
                                          nullptr));
  std::vector<float> expected_cos, expected_sin;
  for (const std::int64_t position : positions) {
    for (const float freq : inv_freq) {
      const double angle = double{static_cast<float>(position) * freq};
      expected_cos.push_back(static_cast<float>(std::cos(angle)) * magnitude);
      expected_sin.push_back(static_cast<float>(std::sin(angle)) * magnitude);
    }
  }
  // A unit of the last place, twice where the magnitude rounds again; relative, so that zeros of the sine are
  // right too.
  check_close(cos.download(), expected_cos, 0x1p-22, true);
  check_close(sin.download(), expected_sin, 0x1p-22, true);
}

}  // namespace

TEST_CASE("rope_table is right to the last places of f32 beyond a million positions too") {
  std::vector<float> inv_freq;
  for (int j = 0; j < 64; ++j) inv_freq.push_back(std::pow(10000.0f, -float(j) / 64));
  check_table({0, 1, 2, 3, 4, 5, 6, 7, 100, 4095, 131071}, inv_freq, 1.0f);
  check_table({1000000, 1048575, 4194303, 16777215, 16777216, 1000000007, 2147483647}, inv_freq, 1.0f);
  check_table({17, 123456789}, inv_freq, 1.2079441f);
  // Multiples of pi / 2 as near as f32 has them, where the remainder is all that is left.
  check_table({1}, {1.57079637f, 3.14159274f, 4.71238899f, 6.28318548f, 102943.707f, 1e9f}, 1.0f);
  for (const std::size_t half : {1, 31, 257}) check_table({3, 2000000}, std::vector<float>(half, 0.7f), 1.0f);
  finish(kernels::cuda::launch_rope_table({}, nullptr));
}

TEST_CASE("rope_table agrees with the reference", "[sanitizer]") {
  const std::vector<std::int64_t> positions = {0, 77, 3000000};
  const std::vector<float> inv_freq = {1.0f, 0.1f, 0.003f};
  std::vector<float> cos(9), sin(9);
  kernels::reference::rope_table({positions.data(), inv_freq.data(), 3, 3, 2.0f, cos.data(), sin.data()});
  const DeviceArray<std::int64_t> device_positions(positions);
  const DeviceArray<float> device_freq(inv_freq);
  DeviceArray<float> device_cos(9), device_sin(9);
  forget_counts();
  finish(kernels::cuda::launch_rope_table(
      {device_positions.data(), device_freq.data(), 3, 3, 2.0f, device_cos.data(), device_sin.data()},
      nullptr));
  check_close(device_cos.download(), cos, 0x1p-22);
  check_close(device_sin.download(), sin, 0x1p-22);
}

}  // namespace transom::cuda_on_host
