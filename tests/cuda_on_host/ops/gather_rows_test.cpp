// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/gather_rows.h"

#include "tests/cuda_on_host/ops/rows.h"

namespace transom::cuda_on_host {
namespace {

void check_gather(std::size_t n, bool aligned) {
  const std::vector<std::int64_t> rows = {2, 0, 2};
  Rows src(n, aligned, 4), expected(n, aligned);
  const DeviceArray<float> device_src = src.on_device();
  DeviceArray<float> device_dst = expected.on_device();
  const DeviceArray<std::int64_t> device_rows(rows);
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (std::size_t j = 0; j < n; ++j)
      expected.values()[i * expected.stride() + j] =
          src.values()[static_cast<std::size_t>(rows[i]) * src.stride() + j];
  finish(kernels::cuda::launch_gather_rows({device_src.data(), src.stride(), device_rows.data(),
                                            device_dst.data(), expected.stride(), rows.size(), n},
                                           nullptr));
  CHECK(device_dst.download() == expected.values());
}

}  // namespace

TEST_CASE("gather_rows on odd sizes", "[sanitizer]") {
  for (const bool aligned : {true, false}) {
    for (const std::size_t n : kSizes) {
      INFO("n " << n << (aligned ? "" : " misaligned"));
      check_gather(n, aligned);
    }
  }
  finish(kernels::cuda::launch_gather_rows({}, nullptr));
}

TEST_CASE("gather_rows reads and writes whole sectors") {
  forget_counts();
  check_gather(4096, true);
  check_coalesced("gather_rows");
}

}  // namespace transom::cuda_on_host
