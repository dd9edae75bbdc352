// SPDX-License-Identifier: Apache-2.0
#include "compress/hessian.h"

#include <algorithm>
#include <utility>

#include "backend/ops.h"
#include "core/count.h"

namespace transom::compress {

using core::count;
using core::TensorView;

namespace {

/// dst [cols, rows] = transposed src, in tiles that stay in the first cache.
void transpose(const TensorView& src, float* dst) {
  constexpr std::int64_t kTile = 32;
  const std::int64_t rows = src.rows(), cols = src.columns();
  for (std::int64_t i0 = 0; i0 < rows; i0 += kTile) {
    for (std::int64_t j0 = 0; j0 < cols; j0 += kTile) {
      for (std::int64_t j = j0; j < std::min(j0 + kTile, cols); ++j) {
        for (std::int64_t i = i0; i < std::min(i0 + kTile, rows); ++i)
          dst[j * rows + i] = src.f32()[i * src.stride[0] + j];
      }
    }
  }
}

}  // namespace

Hessian::Hessian(std::int64_t cols, backend::Backend& backend)
    : backend_(backend), cols_(cols), sum_(count(cols * cols)) {}

void Hessian::add(const TensorView& x) {
  const std::int64_t n = x.rows();
  transposed_.resize(count(cols_ * n));
  backend_.execute([&] { transpose(x, transposed_.data()); });
  backend::LinearWeights weights;
  weights.name = "calibration inputs";
  weights.parts.push_back({DType::f32, reinterpret_cast<const std::byte*>(transposed_.data()), cols_, {}});
  weights.cols = n;
  weights.format = backend::WeightFormat::f32;
  const auto prepared = backend_.prepare_linear(weights);
  const TensorView src = TensorView::dense(transposed_.data(), DType::f32, {cols_, n});
  const TensorView dst = TensorView::dense(sum_.data(), DType::f32, {cols_, cols_});
  backend_.execute([&] { backend::ops::linear(backend_, *prepared, src, dst, true); });
  tokens_ += n;
}

std::vector<float> Hessian::take() {
  const float factor = 2.0f / static_cast<float>(std::max<std::int64_t>(tokens_, 1));
  for (float& value : sum_) value *= factor;
  return std::exchange(sum_, {});
}

}  // namespace transom::compress
