// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/kv_append.h"

#include "kernels/cpu/reference/reference.h"
#include "tests/cuda_on_host/device_kv_cache.h"
#include "tests/cuda_on_host/ops/captured_launch.h"
#include "tests/cuda_on_host/ops/host_kv_cache.h"
#include "tests/cuda_on_host/ops/kv_shapes.h"
#include "tests/cuda_on_host/ops/rows.h"

namespace transom::cuda_on_host {
namespace {

using kernels::KvAppendArgs;

/// Chunks one after the other; positions by value, or by a pointer to device memory with another value in the
/// arguments.
void check_append(const KvView& shape, const std::vector<std::size_t>& chunks, bool aligned = true,
                  std::int64_t first = 0, bool device_position = true) {
  INFO(describe(shape) << (aligned ? "" : " misaligned"));
  HostKvCache expected(shape);
  const DeviceKvCache cache(shape);
  DeviceArray<std::int64_t> position(1);
  const std::size_t width = shape.n_kv_heads * shape.head_dim,
                    stride = aligned ? (width + 15) / 8 * 8 : width + 3;
  for (const std::size_t n : chunks) {
    std::vector<float> k(n * stride), v(n * stride);
    testing::Random(static_cast<std::uint64_t>(first) * 2 + 1).fill(k.data(), k.size());
    testing::Random(static_cast<std::uint64_t>(first) * 2 + 2).fill(v.data(), v.size());
    const DeviceArray<float> device_k(k, aligned ? 0 : 1), device_v(v, aligned ? 0 : 1);
    KvAppendArgs args{expected.view(), k.data(), v.data(), stride, n, first};
    kernels::reference::kv_append(args);
    args.kv = cache.view();
    args.k = device_k.data();
    args.v = device_v.data();
    position.upload(std::vector<std::int64_t>{first});
    if (device_position) args.first_pos = first + 1;
    finish(kernels::cuda::launch_kv_append(args, device_position ? position.data() : nullptr, nullptr));
    first += static_cast<std::int64_t>(n);
  }
  CHECK(cache.rows() == expected.rows());
  CHECK(cache.gaps_untouched());
}

}  // namespace

TEST_CASE("kv_append on odd sizes, all types and layouts", "[sanitizer]") {
  for (const KvView& shape : kv_shapes()) {
    for (const bool aligned : {true, false}) {
      check_append(shape, {1, 5, 30}, aligned);
      check_append(shape, {1, 1, 1}, aligned, 1000003, false);
    }
  }
}

TEST_CASE("kv_append into a ring that has wrapped, behind sinks, and into the rings of levels") {
  for (KvView shape : kv_shapes()) {
    shape.n_sinks = 3;
    check_append(shape, {2, 40, 41, 50, 7});
    shape.n_sinks = 0;
    shape.n_levels = 3;
    shape.level_slots = 9;
    shape.capacity += 3 * 9;
    check_append(shape, {1, 16, 16, 1, 16, 3, 16});
    check_append(shape, {16, 1, 8}, true, (std::int64_t{1} << 40) - 5);
  }
}

TEST_CASE("kv_append reads and writes whole sectors") {
  for (const KvType type : {KvType::f32, KvType::bf16, KvType::i8, KvType::e4m3}) {
    KvView shape{type, nullptr, nullptr, 4, 128, 128, 64};
    shape.scales_apart = true;
    forget_counts();
    check_append(shape, {1, 20});
    check_coalesced("kv_append");
  }
}

TEST_CASE("a captured kv_append goes on where the position in device memory says") {
  const KvView shape{KvType::bf16, nullptr, nullptr, 2, 32, 70, 64};
  HostKvCache expected(shape);
  const DeviceKvCache cache(shape);
  std::vector<float> rows(64);
  testing::Random(1).fill(rows.data(), rows.size());
  const DeviceArray<float> k(rows);
  DeviceArray<std::int64_t> position(std::vector<std::int64_t>{0});
  CapturedLaunch captured([&](cudaStream_t stream) {
    return kernels::cuda::launch_kv_append({cache.view(), k.data(), k.data(), 64, 1, 0}, position.data(),
                                           stream);
  });
  for (const std::int64_t pos : {0, 5, 69, 75}) {
    position.upload(std::vector<std::int64_t>{pos});
    captured.run();
    kernels::reference::kv_append({expected.view(), rows.data(), rows.data(), 64, 1, pos});
  }
  CHECK(cache.rows() == expected.rows());
}

}  // namespace transom::cuda_on_host
