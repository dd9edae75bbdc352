// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "model/layers/linear_layer.h"
#include "model/quant/quantized_module.h"
#include "model/spec.h"
#include "model/weights/tensor_reader.h"

namespace transom::model {

/// The format of weights that become integers while they are loaded.
backend::IntegerFormat integers_on_load(const Quantization& quantization);

/// Loads the linear layers of a model from whatever their modules are stored as.
class LinearLoader {
 public:
  LinearLoader(const ModelSpec& spec, TensorReader& tensors) : spec_(spec), tensors_(tensors) {}

  struct Part {
    std::string name;  // of the module, without ".weight"
    std::int64_t rows = 0;
  };

  /// Modules with the same inputs as one layer of `device`: stacked into one weight where they are stored
  /// alike, else one weight each.
  LinearLayer load(const std::vector<Part>& parts, std::int64_t cols, bool bias, backend::Backend& device);

  // Of all layers so far.
  std::int64_t parameters() const { return parameters_; }
  std::int64_t bytes() const { return bytes_; }
  /// Some weight is stored in 16 bits or fewer.
  bool sixteen_bit() const { return sixteen_bit_; }

 private:
  /// A part as the checkpoint stores it: integers, or floats.
  struct Stored {
    Part part;
    std::optional<QuantizedModule> integers;
    io::StoredTensor floats;
  };

  Stored find(const Part& part, std::int64_t cols);
  std::unique_ptr<backend::PreparedLinear> prepare(const std::vector<const Stored*>& stacked,
                                                   std::int64_t cols, bool bias, backend::Backend& device);
  void add_floats(const std::vector<const Stored*>& stacked, backend::LinearWeights& linear,
                  std::vector<std::vector<float>>& converted);
  backend::WeightFormat format_of(DType stored) const;

  const ModelSpec& spec_;
  TensorReader& tensors_;
  std::int64_t parameters_ = 0, bytes_ = 0;
  bool sixteen_bit_ = false;
};

}  // namespace transom::model
