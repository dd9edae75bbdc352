// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "backend/backend.h"

namespace transom::compress {

/// The Hessian of a linear layer's squared output error, H = 2/n sum x x^T over the n inputs that it reads.
///
/// Sums are products of matrices in f32 on the device, whose own kernels are the fastest that this library
/// has. One thread at a time; not inside a step of the backend.
class Hessian {
 public:
  /// @param cols Inputs of the layer.
  Hessian(std::int64_t cols, backend::Backend& backend);

  /// Adds the inputs x, f32 [tokens, cols], which execute() filled before.
  void add(const core::TensorView& x);

  std::int64_t cols() const { return cols_; }
  std::int64_t tokens() const { return tokens_; }
  /// The finished matrix [cols, cols], row-major; nothing may be added afterwards.
  std::vector<float> take();

 private:
  backend::Backend& backend_;
  std::int64_t cols_, tokens_ = 0;
  std::vector<float> sum_;         // [cols, cols]
  std::vector<float> transposed_;  // [cols, tokens of a call]
};

}  // namespace transom::compress
