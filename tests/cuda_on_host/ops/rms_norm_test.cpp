// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/rms_norm.h"

#include "kernels/cpu/reference/reference.h"
#include "tests/cuda_on_host/ops/rows.h"

namespace transom::cuda_on_host {
namespace {

/// The reference's result, and that of the kernel into `dst`, which may be src.
std::vector<float> normalise(Rows src, Rows& expected, bool aligned, bool in_place) {
  const std::size_t n = src.n();
  std::vector<float> weight(n);
  testing::Random(9).fill(weight.data(), n);
  DeviceArray<float> device_src = src.on_device(), device_dst = expected.on_device();
  const DeviceArray<float> device_weight(weight, aligned ? 0 : 3);
  kernels::RmsNormArgs args{
      src.data(), src.stride(), weight.data(), expected.data(), expected.stride(), kTokens, n, 1e-6f, 1.0f};
  kernels::reference::rms_norm(args);
  args.src = device_src.data();
  args.weight = device_weight.data();
  args.dst = in_place ? device_src.data() : device_dst.data();
  if (in_place) args.dst_stride = src.stride();
  finish(kernels::cuda::launch_rms_norm(args, nullptr));
  return in_place ? device_src.download() : device_dst.download();
}

}  // namespace

TEST_CASE("rms_norm on odd sizes, also in place", "[sanitizer]") {
  for (const bool aligned : {true, false}) {
    for (const std::size_t n : kSizes) {
      for (const bool in_place : {false, true}) {
        INFO("hidden " << n << (aligned ? "" : " misaligned") << (in_place ? " in place" : ""));
        Rows expected(n, aligned);
        const std::vector<float> dst = normalise(Rows(n, aligned, n + 1), expected, aligned, in_place);
        const double largest = std::sqrt(double(n)) * 2;
        check_close(dst, expected.values(), testing::tolerance(n, largest, testing::Rounding::f32));
      }
    }
  }
}

TEST_CASE("rms_norm reads and writes whole sectors") {
  for (const std::size_t n : {128, 4096, 8192, 12288}) {
    INFO("hidden " << n);
    forget_counts();
    Rows expected(n, true);
    normalise(Rows(n, true, 3), expected, true, false);
    check_coalesced("rms_norm");
    // src once, or again what registers do not hold; weight and dst once.
    const std::uint64_t again = n > 8192 ? n - 8192 : 0;
    if (counts_accesses()) CHECK(counts("rms_norm").sectors == kTokens * (3 * n + again) / 8);
  }
}

TEST_CASE("rms_norm of heads, a stride apart in their tokens") {
  for (const std::size_t hidden : {1, 64, 128, 130, 600}) {
    const std::size_t heads = 3, head_stride = hidden + 4, n = heads * head_stride;
    INFO("hidden " << hidden);
    Rows src(n, true, 8), expected(n, true);
    std::vector<float> weight(hidden);
    testing::Random(9).fill(weight.data(), hidden);
    const DeviceArray<float> device_src = src.on_device(), device_weight(weight);
    DeviceArray<float> device_dst = expected.on_device();
    for (std::size_t t = 0; t < kTokens; ++t) {
      const std::size_t at = t * src.stride();
      kernels::reference::rms_norm({src.data() + at, head_stride, weight.data(), expected.data() + at,
                                    head_stride, heads, hidden, 1e-6f, 0.0f});
    }
    kernels::RmsNormArgs args{device_src.data(),
                              src.stride(),
                              device_weight.data(),
                              device_dst.data(),
                              src.stride(),
                              kTokens,
                              hidden,
                              1e-6f};
    args.heads = heads;
    args.src_head_stride = args.dst_head_stride = head_stride;
    finish(kernels::cuda::launch_rms_norm(args, nullptr));
    const double largest = std::sqrt(double(hidden)) * 2;
    check_close(device_dst.download(), expected.values(),
                testing::tolerance(hidden, largest, testing::Rounding::f32));
  }
}

TEST_CASE("rms_norm of nothing") { finish(kernels::cuda::launch_rms_norm({}, nullptr)); }

}  // namespace transom::cuda_on_host
