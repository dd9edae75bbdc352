// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/gated_mul.h"

#include <limits>

#include "kernels/cpu/reference/reference.h"
#include "tests/cuda_on_host/ops/rows.h"

namespace transom::cuda_on_host {
namespace {

void check_gated_mul(std::size_t n, bool aligned) {
  Rows src(2 * n, aligned, 6), expected(n, aligned);
  const float far[] = {0.0f, -0.0f, 20.0f, -20.0f, 90.0f, -90.0f, 500.0f, -500.0f, 1e-20f};
  for (std::size_t i = 0; i < n && i < 9; ++i) src.values()[i] = far[i];
  const DeviceArray<float> device_src = src.on_device();
  DeviceArray<float> device_dst = expected.on_device();
  kernels::GatedMulArgs args{src.data(), src.stride(), expected.data(), expected.stride(), kTokens, n};
  kernels::reference::gated_mul(args);
  args.src = device_src.data();
  args.dst = device_dst.data();
  finish(kernels::cuda::launch_gated_mul(args, nullptr));
  const std::vector<float> dst = device_dst.download();
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < dst.size(); ++i) {
    const double value = expected.values()[i];
    const double allowed = testing::tolerance(1, std::fabs(value), testing::Rounding::f32) + 1e-30;
    if (!testing::close(double{dst[i]}, value, allowed)) ++wrong;
  }
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("gated_mul on odd sizes, far out as well", "[sanitizer]") {
  for (const bool aligned : {true, false}) {
    for (const std::size_t n : kSizes) {
      INFO("n " << n << (aligned ? "" : " misaligned"));
      check_gated_mul(n, aligned);
    }
  }
  finish(kernels::cuda::launch_gated_mul({}, nullptr));
}

TEST_CASE("gated_mul passes a NaN on") {
  const DeviceArray<float> src(std::vector<float>{std::numeric_limits<float>::quiet_NaN(), 1.0f});
  DeviceArray<float> dst(std::vector<float>{0.0f});
  finish(kernels::cuda::launch_gated_mul({src.data(), 2, dst.data(), 1, 1, 1}, nullptr));
  CHECK(std::isnan(dst.download()[0]));
}

TEST_CASE("gated_mul reads and writes whole sectors") {
  forget_counts();
  check_gated_mul(11008, true);
  check_coalesced("gated_mul");
}

}  // namespace transom::cuda_on_host
