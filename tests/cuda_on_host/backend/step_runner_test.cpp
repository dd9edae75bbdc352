// SPDX-License-Identifier: Apache-2.0
// Steps and the graphs that replay them.
#include "backend/cuda/step_runner.h"

#include <memory>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ptx.cuh"
#include "tests/support/catch.h"

namespace transom::backend {
namespace {

using kernels::cuda::launch;

/// dst[i] = add[0] + i, of as many numbers as the launch has threads.
__global__ void count_from(const float* add, float* dst) {
  dst[threadIdx.x] = add[0] + static_cast<float>(threadIdx.x);
}

struct Counter {
  std::shared_ptr<DeviceArena> arena = std::make_shared<DeviceArena>(0);
  StepRunner runner;
  core::Buffer memory = arena->allocate(64 * sizeof(float), "a test");
  int walks = 0;

  explicit Counter(bool graphs) : runner(*arena, graphs) {}

  /// Counts from `first` on.
  std::vector<float> run(float first, int numbers = 32, int launches = 1) {
    std::vector<float> result(static_cast<std::size_t>(numbers), -1.0f);
    const core::TensorView view = core::TensorView::dense(memory.data(), DType::f32, {numbers});
    runner.run([&] {
      ++walks;
      for (int i = 0; i < launches; ++i) {
        const float* const add = runner.memory().put(first);
        runner.op(
            "count_from",
            [&](cudaStream_t stream) {
              return launch(count_from, dim3(1), dim3(static_cast<unsigned>(numbers)), 0, stream, add,
                            memory.as<float>());
            },
            add, view);
      }
      runner.download(result, view);
    });
    return result;
  }
};

std::vector<float> counted(float first, std::size_t n = 32) {
  std::vector<float> numbers(n);
  std::iota(numbers.begin(), numbers.end(), first);
  return numbers;
}

}  // namespace

TEST_CASE("step runner: a step that comes again is replayed with the numbers of now") {
  Counter counter(true);
  for (int i = 0; i < 6; ++i)
    CHECK(counter.run(static_cast<float>(10 * i)) == counted(static_cast<float>(10 * i)));
  CHECK(counter.runner.replays() == 4);  // the first was launched, the second captured
  CHECK(counter.walks == 8);             // those two were walked twice, to sign and to launch
}

TEST_CASE("step runner: another shape is another step") {
  Counter counter(true);
  for (int i = 0; i < 3; ++i) counter.run(1, 64);
  CHECK(counter.run(5) == counted(5));
  CHECK(counter.run(7, 32, 2) == counted(7));
  CHECK(counter.runner.replays() == 1);
  CHECK(counter.run(9, 64) == counted(9, 64));  // the first shape is still known
  CHECK(counter.runner.replays() == 2);
}

TEST_CASE("step runner: sessions that decode in turn replay a graph each") {
  Counter counter(true);
  constexpr int kSessions = 3, kRounds = 5;
  for (int round = 0; round < kRounds; ++round) {
    for (int session = 1; session <= kSessions; ++session) {
      const auto first = static_cast<float>(10 * round + session);
      CHECK(counter.run(first, 32, session) == counted(first));
    }
  }
  CHECK(counter.runner.replays() == kSessions * (kRounds - 2));
}

TEST_CASE("step runner: more sessions in turn than graphs do not capture at every step") {
  Counter counter(true);
  constexpr int kSessions = 70, kRounds = 4;
  const auto run_all = [&] {
    for (int i = 0; i < kSessions; ++i) counter.run(1, i % 2 == 0 ? 32 : 64, 1 + i / 2);
  };
  for (int round = 0; round < kRounds; ++round) run_all();
  CHECK(counter.walks == 2 * kRounds * kSessions);
  CHECK(counter.runner.replays() == 0);
}

TEST_CASE("step runner: results that outgrow their memory") {
  Counter counter(true);
  for (int i = 0; i < 3; ++i) counter.run(1);
  for (int i = 0; i < 3; ++i) CHECK(counter.run(5, 64) == counted(5, 64));
  for (int i = 0; i < 3; ++i) CHECK(counter.run(6) == counted(6));
}

TEST_CASE("step runner: without graphs every step is walked once") {
  Counter counter(false);
  for (int i = 0; i < 4; ++i) CHECK(counter.run(static_cast<float>(i)) == counted(static_cast<float>(i)));
  CHECK(counter.walks == 4);
  CHECK(counter.runner.replays() == 0);
}

TEST_CASE("step runner: scratch that moved makes graphs useless") {
  Counter counter(true);
  for (int i = 0; i < 3; ++i) counter.run(1);
  counter.runner.forget_graphs();
  CHECK(counter.run(2) == counted(2));
  CHECK(counter.runner.replays() == 1);
}

TEST_CASE("step runner: a step that throws leaves the runner usable") {
  Counter counter(true);
  for (int failing = 1; failing <= 4; ++failing) {
    // Each time in another walk: while signing, launching, signing again, and while it is captured.
    counter.runner.forget_graphs();
    int walks = 0;
    const auto step = [&] {
      const float* const add = counter.runner.memory().put(3.0f);
      counter.runner.op(
          "count_from",
          [&](cudaStream_t stream) {
            return launch(count_from, dim3(1), dim3(32), 0, stream, add, counter.memory.as<float>());
          },
          add, failing);
      if (++walks == failing) throw std::runtime_error("killed");
    };
    int thrown = 0;
    for (int i = 0; i < 3; ++i) {
      try {
        counter.runner.run(step);
      } catch (const std::runtime_error&) {
        ++thrown;
      }
    }
    CHECK(thrown == 1);
    CHECK(counter.run(4) == counted(4));
  }
}

TEST_CASE("step runner: more slots than fit one chunk") {
  Counter counter(true);
  std::vector<float> many(200'000), result(32);
  const core::TensorView view = core::TensorView::dense(counter.memory.data(), DType::f32, {32});
  for (int i = 0; i < 4; ++i) {
    counter.runner.run([&] {
      for (int slot = 0; slot < 3; ++slot) {
        many.back() = static_cast<float>(100 * i + slot);
        const float* const add = counter.runner.memory().put(std::span<const float>(many)) + many.size() - 1;
        counter.runner.op(
            "count_from",
            [&](cudaStream_t stream) {
              return launch(count_from, dim3(1), dim3(32), 0, stream, add, counter.memory.as<float>());
            },
            add);
      }
      counter.runner.download(result, view);
    });
    CHECK(result == counted(static_cast<float>(100 * i + 2)));
  }
  CHECK(counter.runner.replays() == 2);
}

TEST_CASE("step runner: signatures tell views apart") {
  float data[8] = {};
  const auto signature = [](const auto& part) {
    Signature s;
    s.add(part);
    return s;
  };
  const core::TensorView view = core::TensorView::dense(data, DType::f32, {2, 4});
  CHECK(signature(view) == signature(core::TensorView::dense(data, DType::f32, {2, 4})));
  CHECK_FALSE(signature(view) == signature(core::TensorView::dense(data, DType::f32, {4, 2})));
  CHECK_FALSE(signature(view) == signature(core::TensorView::dense(data + 1, DType::f32, {2, 4})));
  CHECK_FALSE(signature(view) == signature(view.row_slice(0, 1)));
  CHECK_FALSE(signature(1.0f) == signature(-1.0f));
}

}  // namespace transom::backend
