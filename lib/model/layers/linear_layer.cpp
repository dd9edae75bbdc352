// SPDX-License-Identifier: Apache-2.0
#include "model/layers/linear_layer.h"

#include "backend/ops.h"

namespace transom::model {

namespace ops = backend::ops;

std::int64_t LinearLayer::rows() const {
  std::int64_t sum = 0;
  for (const auto& part : parts) sum += part->rows;
  return sum;
}

std::int64_t LinearLayer::bytes() const {
  std::int64_t sum = 0;
  for (const auto& part : parts) sum += part->bytes;
  return sum;
}

void apply(backend::Backend& backend, const LinearLayer& layer, const core::TensorView& src,
           const core::TensorView& dst, bool accumulate) {
  std::int64_t row = 0;
  for (const auto& part : layer.parts) {
    ops::linear(backend, *part, src, dst.column_slice(row, part->rows), accumulate);
    row += part->rows;
  }
}

void apply_and_norm(backend::Backend& backend, const LinearLayer& layer, const core::TensorView& src,
                    const core::TensorView& dst, const core::TensorView& norm_weight, float epsilon,
                    const core::TensorView& normed) {
  if (layer.parts.size() == 1)
    return ops::linear_rms_norm(backend, *layer.parts[0], src, dst, norm_weight, epsilon, normed);
  apply(backend, layer, src, dst, true);
  ops::rms_norm(backend, dst, norm_weight, epsilon, normed);
}

void apply_gated(backend::Backend& backend, const LinearLayer& layer, const core::TensorView& src,
                 const core::TensorView& dst) {
  const backend::PreparedLinear* const up = layer.parts.size() > 1 ? layer.parts[1].get() : nullptr;
  ops::gated_linear(backend, *layer.parts[0], up, src, dst);
}

}  // namespace transom::model
