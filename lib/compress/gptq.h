// SPDX-License-Identifier: Apache-2.0
/// GPTQ: integers for one linear layer that keep what it computes on the inputs that it really reads.
/// Source: Frantar, Ashkboos, Hoefler, Alistarh, "GPTQ: accurate post-training quantization for generative
/// pre-trained transformers", 2022, and its reference code.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "compress/inverse_factor.h"
#include "compress/quantized_matrix.h"
#include "core/thread_pool.h"

namespace transom::compress {

struct GptqResult {
  QuantizedMatrix matrix;
  double loss = 0;          // sum of (w - q)^2 / (2 d^2), which is |xW - xQ|^2 per token, damping included
  double output_error = 0;  // |XW - XQ|^2 / |XW|^2 over the calibration inputs
  double damping = 0;       // what the Hessian needed
};

/// The layers that read the same inputs share the factor of their Hessian. Immutable; one call at a time.
class Gptq {
 public:
  /// @param hessian Of the inputs, [cols, cols] (compress/hessian.h). @param name Of the layer, for messages.
  /// @throws FormatError when the Hessian can not be factored.
  Gptq(std::vector<float> hessian, std::int64_t cols, const MatrixOptions& options, core::ThreadPool& pool,
       const std::string& name);

  /// Quantises weights [rows, cols]. The result does not depend on the number of threads.
  GptqResult quantize(std::span<const float> weight, std::int64_t rows) const;

 private:
  MatrixOptions options_;
  core::ThreadPool& pool_;
  std::int64_t cols_;
  std::vector<float> hessian_;
  std::vector<bool> dead_;           // inputs that are always 0
  std::vector<std::int32_t> order_;  // position among the columns as they are settled -> input
  InverseFactor factor_;             // in that order
};

}  // namespace transom::compress
