// SPDX-License-Identifier: Apache-2.0
/// Products with dense weights, by cuBLASLt. (tests/cuda_on_host has a plain stand-in for this file's body.)
#pragma once

#include <cublasLt.h>
#include <cuda_runtime.h>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <tuple>

#include "backend/cuda/device_arena.h"

namespace transom::backend {

/// dst[r, o] = sum_i src[r, i] weight[o, i] + bias[o] (+ dst[r, o] when accumulate). All on the device, sums
/// in f32. weight [n, k] and src [rows, k], both f32 or both bf16, weight dense; dst f32.
struct DenseProduct {
  bool bf16 = false;
  std::int64_t rows = 0, n = 0, k = 0;
  const void* weight = nullptr;
  const void* src = nullptr;
  std::int64_t src_stride = 0;  // elements
  float* dst = nullptr;
  std::int64_t dst_stride = 0;
  const float* bias = nullptr;
  bool accumulate = false;
};

class DenseProducts {
 public:
  explicit DenseProducts(DeviceArena& arena);
  ~DenseProducts();
  DenseProducts(const DenseProducts&) = delete;
  DenseProducts& operator=(const DenseProducts&) = delete;

  /// Chooses an algorithm for products of this shape, unless it knows one. Not during a capture.
  void prepare(const DenseProduct& product);
  /// Launches a product whose shape was prepared. Where it fails for want of memory, it may be called again.
  cudaError_t launch(const DenseProduct& product, cudaStream_t stream);

 private:
  struct Plan;
  /// What an algorithm depends on: numbers of a product, and how its addresses are aligned.
  using Shape = std::tuple<bool, bool, std::array<std::int64_t, 5>, std::array<std::uint32_t, 3>>;
  static Shape shape_of(const DenseProduct& product);

  cublasLtHandle_t handle_ = nullptr;
  core::Buffer workspace_;
  std::map<Shape, std::unique_ptr<Plan>> plans_;  // prompts of a server have all lengths: hundreds
};

}  // namespace transom::backend
