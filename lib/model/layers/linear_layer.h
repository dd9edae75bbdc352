// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "backend/backend.h"

namespace transom::model {

/// A linear layer of the model: one weight, or several below each other where a checkpoint stores its parts
/// (query, key and value; gate and up) in formats that can not be stacked.
struct LinearLayer {
  std::vector<std::unique_ptr<backend::PreparedLinear>> parts;

  std::int64_t rows() const;
  std::int64_t cols() const { return parts.front()->cols; }
  std::int64_t bytes() const;
};

/// dst = layer(src), or dst += when accumulate; shapes as of backend::ops::linear.
void apply(backend::Backend& backend, const LinearLayer& layer, const core::TensorView& src,
           const core::TensorView& dst, bool accumulate = false);

/// dst += layer(src); normed = rms_norm(dst), in one op of the backend where the layer has one part.
void apply_and_norm(backend::Backend& backend, const LinearLayer& layer, const core::TensorView& src,
                    const core::TensorView& dst, const core::TensorView& norm_weight, float epsilon,
                    const core::TensorView& normed);

/// dst = silu(gate(src)) * up(src); the layer is [gate; up].
void apply_gated(backend::Backend& backend, const LinearLayer& layer, const core::TensorView& src,
                 const core::TensorView& dst);

}  // namespace transom::model
