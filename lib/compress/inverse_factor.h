// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Eigen/Core>
#include <span>
#include <string>

#include "core/thread_pool.h"

namespace transom::compress {

struct InverseFactor {
  Eigen::MatrixXf upper;  // U of (H + damping mean(diag H) I)^-1 = U^T U
  double damping = 0;     // the share that was needed
};

/// The upper Cholesky factor of the inverse of a damped Hessian [n, n], in f64.
///
/// With the order of the indices reversed H = L L^T turns into H = R R^T with R upper triangular, so that
/// H^-1 = R^-T R^-1 and U = R^-1: the inverse itself is never formed. Damping starts at `damping` and grows
/// by 0.01 until the factor exists.
/// @param name Of the layer, for messages.
/// @throws FormatError when no damping below 1 is enough: the inputs hold infinities, or what is no number.
InverseFactor factor_inverse(std::span<const float> hessian, std::int64_t n, double damping,
                             core::ThreadPool& pool, const std::string& name);

}  // namespace transom::compress
