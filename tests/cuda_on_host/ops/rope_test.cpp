// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/rope.h"

#include "kernels/cpu/reference/reference.h"
#include "tests/cuda_on_host/ops/rows.h"

namespace transom::cuda_on_host {
namespace {

void check_rope(std::size_t head_dim, std::size_t half, std::size_t n_heads, bool aligned) {
  INFO("head_dim " << head_dim << " rotary " << 2 * half << " heads " << n_heads
                   << (aligned ? "" : " misaligned"));
  Rows expected(head_dim * n_heads, aligned, 5);
  DeviceArray<float> x = expected.on_device();
  std::vector<float> cos(kTokens * half), sin(kTokens * half);
  testing::Random(3).fill(cos.data(), cos.size());
  testing::Random(4).fill(sin.data(), sin.size());
  const DeviceArray<float> device_cos(cos, aligned ? 0 : 1), device_sin(sin, aligned ? 0 : 1);
  kernels::RopeArgs args{expected.data(), expected.stride(), kTokens,    n_heads,
                         head_dim,        2 * half,          cos.data(), sin.data()};
  kernels::reference::rope(args);
  args.x = x.data();
  args.cos = device_cos.data();
  args.sin = device_sin.data();
  finish(kernels::cuda::launch_rope(args, nullptr));
  check_close(x.download(), expected.values(), testing::tolerance(2, 2.0, testing::Rounding::f32));
}

}  // namespace

TEST_CASE("rope on odd sizes", "[sanitizer]") {
  for (const bool aligned : {true, false}) {
    for (const std::size_t half : {1, 2, 3, 4, 5, 16, 31, 32, 33, 64})
      for (const std::size_t n_heads : {1, 2, 7, 40}) check_rope(2 * half, half, n_heads, aligned);
    check_rope(128, 32, 4, aligned);  // a part of the head
    check_rope(99, 48, 3, aligned);
  }
  finish(kernels::cuda::launch_rope({}, nullptr));
}

TEST_CASE("rope reads and writes whole sectors") {
  forget_counts();
  check_rope(128, 64, 40, true);
  check_coalesced("rope");
}

}  // namespace transom::cuda_on_host
