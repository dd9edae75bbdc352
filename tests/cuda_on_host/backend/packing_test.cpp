// SPDX-License-Identifier: Apache-2.0
// The threads that pack weights for a device: as many as were asked for, and only while weights are loaded.
#include <filesystem>
#include <iterator>
#include <memory>
#include <vector>

#include "backend/cuda/cuda_backend.h"
#include "tests/support/catch.h"

namespace transom::backend {
namespace {

std::ptrdiff_t threads_of_process() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                       std::filesystem::directory_iterator());
}

TEST_CASE("threads pack weights until the first session is made") {
  CudaBackend device(0, true, 3);
  const std::ptrdiff_t before = threads_of_process();
  const std::vector<float> values(32 * 64, 1);
  LinearWeights weights;
  weights.name = "ones";
  weights.cols = 64;
  weights.parts = {{DType::f32, reinterpret_cast<const std::byte*>(values.data()), 32, {}}};
  const auto first = device.prepare_linear(weights), second = device.prepare_linear(weights);
  CHECK(threads_of_process() == before + 3);
  device.reserve({16, 4, 4, 64});
  CHECK(threads_of_process() == before);
  CHECK(device.prepare_linear(weights)->rows == 32);  // of a model that is loaded later
}

}  // namespace
}  // namespace transom::backend
