// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/convert_rows.h"

#include <limits>

#include "kernels/common/bf16.h"
#include "tests/cuda_on_host/ops/rows.h"

namespace transom::cuda_on_host {
namespace {

void check_convert(Rows src, bool aligned) {
  const std::size_t n = src.n();
  const DeviceArray<float> device_src = src.on_device();
  DeviceArray<std::uint16_t> dst(kTokens * n, aligned ? 0 : 1);
  finish(
      kernels::cuda::launch_convert_rows({device_src.data(), src.stride(), dst.data(), kTokens, n}, nullptr));
  std::vector<std::uint16_t> expected;
  for (std::size_t t = 0; t < kTokens; ++t)
    for (std::size_t i = 0; i < n; ++i)
      expected.push_back(kernels::f32_to_bf16(src.values()[t * src.stride() + i]));
  CHECK(dst.download() == expected);
}

}  // namespace

TEST_CASE("convert_rows on odd sizes") {
  for (const bool aligned : {true, false}) {
    for (const std::size_t n : kSizes) {
      INFO("k " << n << (aligned ? "" : " misaligned"));
      check_convert(Rows(n, aligned, n), aligned);
    }
  }
  finish(kernels::cuda::launch_convert_rows({}, nullptr));
}

TEST_CASE("convert_rows rounds to nearest even, and to infinity beyond the range") {
  Rows rows(8, true);
  const float odd[] = {1.00390625f, 1.01171875f, -3.4e38f, std::numeric_limits<float>::infinity(),
                       1e-40f,      -0.0f};
  std::copy(std::begin(odd), std::end(odd), rows.data());
  check_convert(rows, true);
}

TEST_CASE("convert_rows reads and writes whole sectors") {
  forget_counts();
  check_convert(Rows(4096, true, 1), true);
  check_coalesced("convert_rows");
}

}  // namespace transom::cuda_on_host
