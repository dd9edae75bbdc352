// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "model/weights/tensor_checks.h"
#include "model/weights/weight_source.h"

namespace transom::model {

/// Called after each tensor; false cancels.
using TensorProgress = std::function<bool(std::string_view tensor, std::int64_t bytes_done)>;

/// Thrown through the loader when the application cancels; caught by load_weights.
struct Cancelled {};

/// Reads the tensors of a source one after the other, and keeps count of what it has read.
class TensorReader {
 public:
  TensorReader(WeightSource& source, const TensorProgress& progress) : source_(source), progress_(progress) {}

  WeightSource& source() { return source_; }
  /// A tensor of floats. @throws FormatError when it is missing, or no such tensor.
  io::StoredTensor require(const std::string& name, const Shape& shape);
  /// A norm's weight or a bias as f32.
  std::vector<float> read_vector(const std::string& name, std::int64_t n);
  /// The tensor has been read: reports it, and lets its pages go. @throws Cancelled
  void finish(const io::StoredTensor& tensor);

 private:
  WeightSource& source_;
  const TensorProgress& progress_;
  std::int64_t bytes_done_ = 0;
};

}  // namespace transom::model
