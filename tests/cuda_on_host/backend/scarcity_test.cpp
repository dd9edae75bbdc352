// SPDX-License-Identifier: Apache-2.0
// What the backend does where a device lacks something.
#include <algorithm>
#include <array>
#include <vector>

#include "backend/cuda/cuda_backend.h"
#include "backend/cuda/device_arena.h"
#include "backend/cuda/pinned_memory.h"
#include "tests/cuda_on_host/backend/scarce_device.h"
#include "tests/support/catch.h"
#include "tests/support/throws.h"

namespace transom::backend {
namespace {

using cuda_on_host::Lack;
using testing::contains;
using testing::Lacking;

TEST_CASE("a library without kernels for the GPU says so when it is opened") {
  const Lacking kernels(Lack::kernels);
  const std::string error = testing::error_of<DeviceError>([] { CudaBackend device(0, true); });
  CHECK(contains(error, "sm_90 (CUDA on the host)"));
  CHECK(contains(error, "-DTRANSOM_CUDA_ARCHITECTURES=90-real"));
}

TEST_CASE("weights go to the device through ordinary memory where none can be locked") {
  const Lacking locked(Lack::page_locked_memory);
  CHECK_THROWS_AS(allocate_pinned(100, "a test"), OutOfMemory);
  UploadQueue uploads;
  const auto arena = std::make_shared<DeviceArena>(0);
  core::Buffer memory = arena->allocate(300, "a test");
  for (const std::size_t at : {0, 100, 200}) {
    std::ranges::fill(uploads.begin(100), static_cast<std::byte>(at + 1));
    uploads.send(memory.data() + at, arena->stream());
  }
  REQUIRE(cudaStreamSynchronize(arena->stream()) == cudaSuccess);
  std::array<unsigned char, 300> found = {};
  REQUIRE(cudaMemcpy(found.data(), memory.data(), found.size(), cudaMemcpyDeviceToHost) == cudaSuccess);
  for (std::size_t i = 0; i < found.size(); ++i) REQUIRE(found[i] == i / 100 * 100 + 1);
}

TEST_CASE("steps are launched op by op where a graph has no memory") {
  const Lacking graphs(Lack::memory_of_graphs);
  const auto arena = std::make_shared<DeviceArena>(0);
  StepRunner runner(*arena, true);
  core::Buffer memory = arena->allocate(4 * sizeof(float), "a test");
  const core::TensorView view = core::TensorView::dense(memory.data(), DType::f32, {4});
  for (int i = 0; i < 4; ++i) {
    const std::vector<float> values(4, static_cast<float>(i));
    std::vector<float> result(4);
    runner.run([&] {
      const float* const put = runner.memory().put(std::span<const float>(values));
      runner.op(
          "copy",
          [&](cudaStream_t stream) {
            return cudaMemcpyAsync(memory.data(), put, 4 * sizeof(float), cudaMemcpyDeviceToDevice, stream);
          },
          put, view);
      runner.download(result, view);
    });
    CHECK(result == values);
  }
  CHECK(runner.replays() == 0);
}

}  // namespace
}  // namespace transom::backend
