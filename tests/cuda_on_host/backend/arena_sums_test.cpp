// SPDX-License-Identifier: Apache-2.0
// Where the memory of models comes from and goes to, and who waits for it: what the emulated GPU counts.
#include <memory>
#include <vector>

#include "backend/cuda/device_arena.h"
#include "backend/cuda/pinned_memory.h"
#include "tests/cuda_on_host/backend/device_buffer.h"
#include "tests/cuda_on_host/backend/scarce_device.h"
#include "tests/cuda_on_host/runtime/memory_pools.h"
#include "tests/cuda_on_host/runtime/streams.h"
#include "tests/model/small_models.h"
#include "tests/support/throws.h"

namespace transom::backend {

using namespace testing;
using cuda_on_host::device_memory_in_use;
using cuda_on_host::device_synchronisations;
using cuda_on_host::Lack;

TEST_CASE("arena: small buffers lie side by side") {
  const auto arena = std::make_shared<DeviceArena>(0);
  const std::size_t before = device_memory_in_use();
  std::vector<Buffer> norms;
  for (int i = 0; i < 200; ++i) norms.push_back(arena->allocate(4096, "norm weights"));
  CHECK(device_memory_in_use() - before == cuda_on_host::kPoolPage);
}

TEST_CASE("arena: neither allocating nor freeing waits for what runs") {
  const auto arena = std::make_shared<DeviceArena>(0);
  Buffer kept = arena->allocate(sizeof(int), "a test"), dropped = arena->allocate(kMegabyte, "a test");
  Buffer pinned = allocate_pinned(sizeof(int), "a test");
  *pinned.as<int>() = 7;
  const std::int64_t waits = device_synchronisations();
  REQUIRE(cudaMemcpyAsync(pinned.data(), kept.data(), sizeof(int), cudaMemcpyDeviceToHost, arena->stream()) ==
          cudaSuccess);
  dropped = {};
  const Buffer next = arena->allocate(2 * kMegabyte, "a test");
  CHECK(arena->memory().free > 0);
  CHECK(*pinned.as<int>() == 7);  // the copy has not been done
  CHECK(device_synchronisations() == waits);
  REQUIRE(cudaStreamSynchronize(arena->stream()) == cudaSuccess);
  CHECK(*pinned.as<int>() == 0);
}

TEST_CASE("arena: every model has its own, and leaves nothing behind") {
  const std::size_t before = device_memory_in_use();
  auto first = std::make_unique<CudaBackend>(0, true), second = std::make_unique<CudaBackend>(0, true);
  Buffer of_first = allocate(*first, 10 * kMegabyte), of_second = allocate(*second, 10 * kMegabyte);
  fill(*first, of_first, 1);
  const std::size_t both = device_memory_in_use();
  of_second = {};
  second->synchronize();
  CHECK(device_memory_in_use() ==
        both);  // for the next session of the second model, and not for the first one's
  Buffer more = allocate(*first, 10 * kMegabyte);
  CHECK(device_memory_in_use() >= both + 8 * kMegabyte);
  more = {};
  second.reset();
  CHECK(device_memory_in_use() <= both);
  CHECK(holds(*first, of_first, 1));
  first.reset();
  CHECK(device_memory_in_use() >= before + 10 * kMegabyte);  // a buffer that outlives its model
  of_first = {};
  CHECK(device_memory_in_use() == before);
}

TEST_CASE("arena: sessions that come and go take the same memory, and wait for nothing but their steps") {
  const std::size_t before = device_memory_in_use();
  {
    const auto gpu = std::make_shared<CudaBackend>(0, true);
    const auto transformer = load_small_model("llama-mha", {}, gpu);
    std::vector<float> expected;
    std::size_t in_use = 0;
    std::int64_t waits = 0;
    for (int i = 0; i < 8; ++i) {
      model::Sequence sequence(*transformer, {.max_context = 64, .prefill_chunk = 16});
      std::vector<float> logits;
      for (std::int32_t id = 0; id < 4; ++id) logits = last_logits(sequence, {id});
      if (i == 1) {
        expected = logits;
        in_use = device_memory_in_use();
        waits = device_synchronisations();
      } else if (i > 1) {
        CHECK(logits == expected);
        CHECK(device_memory_in_use() == in_use);
        CHECK(device_synchronisations() == waits);
      }
    }
  }
  CHECK(device_memory_in_use() == before);
}

TEST_CASE("arena: what other models keep and do not use is free, and is given") {
  const LimitedMemory limited(device_memory_in_use() + 16 * kMegabyte);
  const auto idle = std::make_shared<DeviceArena>(0), busy = std::make_shared<DeviceArena>(0);
  idle->allocate(8 * kMegabyte, "a test");  // dropped at once, and nobody has waited for it
  CHECK(device_memory_in_use() >= 8 * kMegabyte);
  CHECK(busy->memory().free == 16 * static_cast<std::int64_t>(kMegabyte));
  const Buffer large = busy->allocate(12 * kMegabyte, "a test");
  REQUIRE(large);
  const std::string error = error_of<OutOfMemory>([&] { busy->allocate(6 * kMegabyte, "a test"); });
  CHECK(contains(error, "cannot allocate 6291456 bytes for a test: 4194304 of "));
  CHECK(contains(error, "gpu_layers"));
  CHECK(busy->allocate(4 * kMegabyte, "a test"));
  CHECK(idle->allocate(4 * kMegabyte, "a test"));
}

TEST_CASE("arena: devices without memory pools") {
  const Lacking pools(Lack::memory_pools);
  const std::size_t before = device_memory_in_use();
  {
    CudaBackend device(0, true);
    Buffer memory = allocate(device, kMegabyte);
    for (int i = 0; i < 3; ++i) {
      CHECK(holds(device, memory, 0));
      fill(device, memory, 7);
      memory = {};
      memory = allocate(device, kMegabyte);
    }
    const LimitedMemory limited(device_memory_in_use() + 100);
    CHECK(device.memory().free == 100);
    CHECK(contains(error_of<OutOfMemory>([&] { allocate(device, 200); }), "100 of "));
  }
  CHECK(device_memory_in_use() == before);
}

}  // namespace transom::backend
