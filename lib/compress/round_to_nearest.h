// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "compress/quantized_matrix.h"
#include "core/thread_pool.h"

namespace transom::compress {

/// The integers nearest to the weights [rows, cols], with no regard to what the layer reads.
QuantizedMatrix round_to_nearest(std::span<const float> weight, std::int64_t rows, std::int64_t cols,
                                 const MatrixOptions& options, core::ThreadPool& pool);

}  // namespace transom::compress
