// SPDX-License-Identifier: Apache-2.0
// What the backend does where a device lacks something.
#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <string>
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

TEST_CASE("a driver that is missing or too old is told from a GPU that is missing") {
  const auto error = [] { return testing::error_of<DeviceError>([] { CudaBackend device(0, true); }); };
  cuda_on_host::set_driver_version(0);
  CHECK(contains(error(), "no NVIDIA driver (libcuda.so.1)"));
  cuda_on_host::set_driver_version(11040);
  CHECK(contains(error(),
                 "the NVIDIA driver is of CUDA 11.4, too old for libtransom_cuda, which is of CUDA 13.0"));
  cuda_on_host::set_driver_version({});
  cuda_on_host::set_device_count(0);
  CHECK(contains(error(), "no CUDA-capable device"));
  cuda_on_host::set_device_count(1);
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

/// Steps that copy what they put.
struct Copier {
  std::shared_ptr<DeviceArena> arena = std::make_shared<DeviceArena>(0);
  StepRunner runner{*arena, true};
  core::Buffer memory = arena->allocate(4 * sizeof(float), "a test");
  int walks = 0;

  /// Whether the numbers come back.
  bool copies(float number) {
    const core::TensorView view = core::TensorView::dense(memory.data(), DType::f32, {4});
    const std::vector<float> values(4, number);
    std::vector<float> result(4);
    runner.run([&] {
      ++walks;
      const float* const put = runner.memory().put(std::span<const float>(values));
      runner.op(
          "copy",
          [&](cudaStream_t stream) {
            return cudaMemcpyAsync(memory.data(), put, 4 * sizeof(float), cudaMemcpyDeviceToDevice, stream);
          },
          put, view);
      runner.download(result, view);
    });
    return result == values;
  }
};

constexpr std::array kLacksOfGraphs = {Lack::memory_to_begin_captures, Lack::memory_to_end_captures,
                                       Lack::memory_of_graphs, Lack::memory_to_upload_graphs,
                                       Lack::memory_to_launch_graphs};

TEST_CASE("steps are launched op by op where a graph has no memory") {
  for (const Lack lack : kLacksOfGraphs) {
    Copier copier;
    {
      const Lacking graphs(lack);
      for (int i = 0; i < 6; ++i) CHECK(copier.copies(static_cast<float>(i)));
      CHECK(cudaPeekAtLastError() == cudaSuccess);
      CHECK(copier.runner.replays() == 0);
    }
    const int recordings = lack == Lack::memory_to_begin_captures ? 0 : 1;
    CHECK(copier.walks == 2 * 6 + recordings);
    // What happened to one step says nothing of others.
    copier.memory = copier.arena->allocate(1000, "a test");
    for (int i = 0; i < 3; ++i) CHECK(copier.copies(static_cast<float>(i)));
    CHECK(copier.runner.replays() == 1);
  }
}

TEST_CASE("graphs that find no memory later on give way to launches op by op") {
  Copier copier;
  for (int i = 0; i < 3; ++i) CHECK(copier.copies(static_cast<float>(i)));
  CHECK(copier.runner.replays() == 1);
  const Lacking graphs(Lack::memory_to_launch_graphs);
  for (int i = 0; i < 4; ++i) CHECK(copier.copies(static_cast<float>(i)));
  CHECK(copier.runner.replays() == 1);
}

TEST_CASE("a step without memory for its graph asks others for theirs once") {
  constexpr std::size_t kBytes = std::size_t{8} << 20;
  const Lacking graphs(Lack::memory_of_graphs);
  Copier copier;
  CHECK(copier.copies(1));
  copier.arena->allocate(kBytes, "a test") = {};
  const std::size_t before = cuda_on_host::device_memory_in_use();
  CHECK(copier.copies(2));  // would be captured
  const std::size_t after = cuda_on_host::device_memory_in_use();
  CHECK(after + kBytes <= before);
  copier.arena->allocate(kBytes, "a test") = {};
  for (int i = 0; i < 5; ++i) CHECK(copier.copies(static_cast<float>(i)));
  CHECK(cuda_on_host::device_memory_in_use() >= after + kBytes);
}

constexpr std::size_t kMegabyte = std::size_t{1} << 20;

/// A device and a product of many rows, which converts its activations first.
struct Product {
  CudaBackend device{0, true};
  std::unique_ptr<PreparedLinear> weight;
  core::Buffer src = allocate(200 * 64), dst = allocate(200 * 32);

  Product() {
    const std::vector<float> ones(32 * 64, 1);
    LinearWeights weights;
    weights.name = "ones";
    weights.format = WeightFormat::bf16;
    weights.cols = 64;
    weights.parts = {{DType::f32, reinterpret_cast<const std::byte*>(ones.data()), 32, {}}};
    weight = device.prepare_linear(weights);
  }
  core::Buffer allocate(std::size_t floats) {
    return device.allocate(floats * sizeof(float), "a test", core::Buffer::Pages::lazy);
  }
  std::vector<float> run() {
    const std::vector<float> halves(200 * 64, 0.5f);
    const TensorView from = TensorView::dense(src.data(), DType::f32, {200, 64});
    const TensorView to = TensorView::dense(dst.data(), DType::f32, {200, 32});
    device.upload(from, std::as_bytes(std::span(halves)));
    std::vector<float> result(200 * 32);
    device.execute([&] {
      device.linear(*weight, from, to, false);
      device.linear(*weight, from, to, true);
      device.download(result, to);
    });
    return result;
  }
};

TEST_CASE("a kernel that finds no memory to be loaded into gets what pools keep") {
  Product product;
  const std::vector<float> expected(200 * 32, 64.0f);
  CHECK(product.run() == expected);
  product.allocate(16 * kMegabyte) = {};
  product.device.synchronize();
  const testing::LimitedMemory scarce(cuda_on_host::device_memory_in_use());
  const testing::KernelsOf kernels(kMegabyte);
  CHECK(product.run() == expected);
  CHECK(product.run() == expected);
}

TEST_CASE("a kernel that finds no memory at all says how much there is and what would take less") {
  Product product;
  CHECK(product.run() == std::vector<float>(200 * 32, 64.0f));
  {
    const testing::LimitedMemory scarce(cuda_on_host::device_memory_in_use());
    const testing::KernelsOf kernels(64 * kMegabyte);
    const std::string error = testing::error_of<OutOfMemory>([&] { product.run(); });
    CHECK(contains(error, "convert_activations: the driver finds no memory for its kernels"));
    CHECK(contains(error, "bytes are free; gpu_layers"));
  }
  CHECK(product.run() == std::vector<float>(200 * 32, 64.0f));
}

TEST_CASE("a launch that fails for want of memory is called once more, others are not") {
  const auto arena = std::make_shared<DeviceArena>(0);
  int before = 0, calls = 0;
  StepRunner runner(*arena, false);
  const auto run = [&](cudaError_t first, cudaError_t later) {
    before = calls = 0;
    runner.run([&] {
      runner.op("before", [&](cudaStream_t) {
        ++before;
        return cudaSuccess;
      });
      runner.op("launch", [&](cudaStream_t) { return ++calls == 1 ? first : later; });
    });
  };
  run(cudaErrorMemoryAllocation, cudaSuccess);
  CHECK(calls == 2);
  CHECK(before == 1);
  CHECK_THROWS_AS(run(cudaErrorMemoryAllocation, cudaErrorMemoryAllocation), OutOfMemory);
  CHECK(calls == 2);
  CHECK_THROWS_AS(run(cudaErrorInvalidValue, cudaSuccess), DeviceError);
  CHECK(calls == 1);
}

TEST_CASE("a step that finds no memory while it is recorded is launched op by op") {
  const auto arena = std::make_shared<DeviceArena>(0);
  StepRunner runner(*arena, true);
  int recorded = 0, launched = 0;
  for (int i = 0; i < 4; ++i) {
    runner.run([&] {
      runner.op("launch", [&](cudaStream_t stream) {
        cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
        CHECK(cudaStreamIsCapturing(stream, &status) == cudaSuccess);
        const bool captured = status != cudaStreamCaptureStatusNone;
        ++(captured ? recorded : launched);
        return captured ? cudaErrorMemoryAllocation : cudaSuccess;
      });
    });
  }
  CHECK(recorded == 1);
  CHECK(launched == 4);
  CHECK(arena->allocate(100, "a test"));
}

}  // namespace
}  // namespace transom::backend
