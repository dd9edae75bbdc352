// SPDX-License-Identifier: Apache-2.0
// Memory of models that comes and goes beside their steps, on the emulated GPU and on a real one.
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "backend/cuda/device_arena.h"
#include "tests/cuda_on_host/backend/device_buffer.h"
#include "tests/model/small_models.h"
#include "tests/support/throws.h"

namespace transom::backend {

using namespace testing;

TEST_CASE("arena: memory serves the next one who asks, and is zeroed for everyone") {
  CudaBackend device(0, true);
  Buffer first = allocate(device, kMegabyte);
  CHECK(holds(device, first, 0));
  for (int i = 0; i < 5; ++i) {
    fill(device, first, 7);
    first = {};
    first = allocate(device, kMegabyte);
    CHECK(holds(device, first, 0));
  }
}

TEST_CASE("arena: one session's memory comes and goes in the middle of another's step") {
  CudaBackend device(0, true);
  Buffer source = allocate(device, 1024), result = allocate(device, 1024), weight = allocate(device, 1024);
  fill(device, source, 3);
  fill(device, weight, 2);
  Buffer theirs = allocate(device, kMegabyte);
  const TensorView src = TensorView::dense(source.data(), DType::f32, {1, 256});
  const TensorView dst = TensorView::dense(result.data(), DType::f32, {1, 256});
  device.execute([&] {
    // Whoever waited for the step would wait for ever.
    std::thread([&] {
      theirs = {};
      theirs = allocate(device, kMegabyte);
    }).join();
    device.rms_norm(src, view_of(weight), 0, dst);
  });
  CHECK(holds(device, theirs, 0));
  for (const float found : read(device, result)) CHECK(found == Approx(2));
}

TEST_CASE("arena: memory that comes or goes while a step is captured is not the graph's") {
  const auto arena = std::make_shared<DeviceArena>(0);
  StepRunner runner(*arena, true);
  Buffer memory = arena->allocate(sizeof(float), "a test"), theirs = arena->allocate(kMegabyte, "a test");
  const TensorView view = TensorView::dense(memory.data(), DType::f32, {1});
  std::atomic<bool> begun = false, done = false;
  std::thread other;
  int walks = 0;
  for (int i = 0; i < 5; ++i) {
    std::vector<float> result(1);
    runner.run([&] {
      if (++walks == 4) {  // sign, launch, sign, capture
        cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
        CHECK(cudaStreamIsCapturing(arena->stream(), &status) == cudaSuccess);
        CHECK(status == cudaStreamCaptureStatusActive);
        other = std::thread([&] {
          begun = true;
          theirs = {};
          theirs = arena->allocate(kMegabyte, "a test");
          done = true;
        });
        while (!begun) std::this_thread::yield();
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        CHECK_FALSE(done);
      }
      const float* const put = runner.memory().put(static_cast<float>(i));
      runner.op(
          "copy",
          [&](cudaStream_t stream) {
            return cudaMemcpyAsync(memory.data(), put, sizeof(float), cudaMemcpyDeviceToDevice, stream);
          },
          put, view);
      runner.download(result, view);
    });
    if (other.joinable()) other.join();
    CHECK(result[0] == static_cast<float>(i));
  }
  CHECK(done);
  CHECK(runner.replays() == 3);
}

TEST_CASE("arena: a step that allocates while it is captured is an error, and the next one is not") {
  const auto arena = std::make_shared<DeviceArena>(0);
  StepRunner runner(*arena, true);
  int walks = 0;
  const auto step = [&] {
    runner.op("nothing", [](cudaStream_t) { return cudaSuccess; });
    if (++walks == 4) arena->allocate(100, "a test");
  };
  runner.run(step);
  CHECK(contains(error_of<DeviceError>([&] { runner.run(step); }), "captured"));
  runner.run(step);
  CHECK(arena->allocate(100, "a test"));
}

TEST_CASE("arena: graphs forget scratch that has moved") {
  CudaBackend device(0, true);
  constexpr std::int64_t kColumns = 64, kInputs = 32;
  const std::vector<float> values = random_values(2 * kColumns * kInputs, 1);
  LinearWeights weights;
  weights.format = WeightFormat::f32;  // gate and up go through scratch
  weights.cols = kInputs;
  weights.parts = {{DType::f32, reinterpret_cast<const std::byte*>(values.data()), 2 * kColumns, {}}};
  const auto gate_and_up = device.prepare_linear(weights);
  const auto matrix = [&](std::int64_t rows, std::int64_t columns) {
    return Matrix(device, rows, columns, random_values(static_cast<std::size_t>(rows * columns), 2));
  };
  const Matrix one = matrix(1, kInputs), many = matrix(60, kInputs);
  const Matrix of_one = matrix(1, kColumns), of_many = matrix(60, kColumns);
  const auto run = [&](const Matrix& src, const Matrix& dst) {
    for (int i = 0; i < 3; ++i)
      device.execute([&] { device.gated_linear(*gate_and_up, nullptr, src.view(), dst.view()); });
    return dst.values();
  };
  const std::vector<float> expected = run(one, of_one);
  CHECK(device.replays() == 1);
  run(many, of_many);
  Buffer where_it_was = allocate(device, kMegabyte);
  CHECK(run(one, of_one) == expected);
  CHECK(device.replays() == 3);
  CHECK(holds(device, where_it_was, 0));
}

TEST_CASE("arena: threads make and drop memory while steps are launched, captured and replayed") {
  const auto gpu = std::make_shared<CudaBackend>(0, true);
  const auto transformer = load_small_model("llama-mha", {}, gpu);
  const auto decode = [&](int seed) {
    model::Sequence sequence(*transformer, {.max_context = 64, .prefill_chunk = 16});
    std::vector<float> logits;
    for (std::int32_t id = 0; id < 6; ++id) logits = last_logits(sequence, {id + seed});
    return logits;
  };
  const std::vector<std::vector<float>> expected = {decode(0), decode(1), decode(2)};
  std::atomic<int> wrong = 0;
  std::atomic<bool> decoding = true;
  std::vector<std::thread> threads;
  for (int seed = 0; seed < 3; ++seed) {
    threads.emplace_back([&, seed] {
      for (int i = 0; i < 4; ++i) wrong += decode(seed) != expected[static_cast<std::size_t>(seed)];
    });
  }
  std::thread idle([&] {
    while (decoding) {
      const Buffer small = allocate(*gpu, 1000), large = allocate(*gpu, 3 * kMegabyte);
      std::this_thread::yield();
    }
  });
  for (std::thread& thread : threads) thread.join();
  decoding = false;
  idle.join();
  CHECK(wrong == 0);
  CHECK(gpu->replays() > 0);
}

}  // namespace transom::backend
