// SPDX-License-Identifier: Apache-2.0
/// The same tensors and ops on the CPU and on the emulated GPU.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <vector>

#include "backend/cpu/cpu_backend.h"
#include "backend/cuda/cuda_backend.h"
#include "backend/ops.h"
#include "tests/kernels/support.h"
#include "tests/support/catch.h"

namespace transom::testing {

using backend::Backend;
using core::TensorView;

inline std::vector<float> random_values(std::size_t count, std::uint64_t seed) {
  std::vector<float> values(count);
  Random(seed).fill(values.data(), count);
  return values;
}

/// A matrix of f32 on a device.
class Matrix {
 public:
  Matrix(Backend& device, std::int64_t rows, std::int64_t columns, const std::vector<float>& values)
      : device_(device),
        buffer_(device.allocate(values.size() * sizeof(float), "a test", core::Buffer::Pages::lazy)),
        view_(TensorView::dense(buffer_.data(), DType::f32, {rows, columns})) {
    device.upload(view_, std::as_bytes(std::span(values)));
  }

  const TensorView& view() const { return view_; }
  std::vector<float> values() const {
    std::vector<float> result(buffer_.size() / sizeof(float));
    device_.execute([&] { device_.download(result, view_); });
    return result;
  }

 private:
  Backend& device_;
  core::Buffer buffer_;
  TensorView view_;
};

/// The largest difference, infinite where one is no number.
inline double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::fabs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    worst = std::isfinite(difference) ? std::max(worst, difference) : INFINITY;
  }
  return worst;
}

/// Runs a test on each device; its results must lie within `allowed`.
class BothDevices {
 public:
  using Test = std::function<std::vector<float>(Backend&)>;
  void compare(const Test& test, double allowed) {
    const std::vector<float> expected = test(cpu), found = test(cuda);
    CHECK(largest_difference(expected, found) <= allowed);
  }

  backend::CpuBackend cpu{1, false};
  backend::CudaBackend cuda{0, true};
};

/// A cache of one layer.
class Cache {
 public:
  Cache(Backend& device, DType dtype, std::int64_t heads, std::int64_t capacity, std::int64_t dim,
        std::int64_t sinks = 0, std::int64_t levels = 0, std::int64_t level_slots = 0) {
    view_.keys = view_.values = TensorView::dense(nullptr, dtype, {heads, capacity, dim});
    view_.block_slots = 64;
    view_.sinks = sinks;
    view_.levels = levels;
    view_.level_slots = level_slots;
    const auto bytes = static_cast<std::size_t>(heads * view_.block_slots * backend::kv_row_bytes(dtype, dim));
    for (std::int64_t i = 0; i < 2 * view_.blocks(); ++i) {
      buffers_.push_back(device.allocate(bytes, "a test", core::Buffer::Pages::lazy));
      blocks_.push_back(buffers_.back().data());
    }
    view_.key_blocks = blocks_.data();
    view_.value_blocks = blocks_.data() + view_.blocks();
  }
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  const backend::KvCacheView& view() const { return view_; }

 private:
  backend::KvCacheView view_;
  std::vector<core::Buffer> buffers_;
  std::vector<void*> blocks_;
};

}  // namespace transom::testing
