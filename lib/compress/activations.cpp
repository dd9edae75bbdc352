// SPDX-License-Identifier: Apache-2.0
#include "compress/activations.h"

#include "core/count.h"

namespace transom::compress {

using core::count;
using core::TensorView;

Activations::Activations(std::int64_t tokens, std::int64_t width, const std::filesystem::path& spill)
    : width_(width) {
  const std::size_t bytes = count(tokens * width) * sizeof(float);
  if (spill.empty()) {
    buffer_ = core::Buffer(bytes, "calibration activations");
    data_ = buffer_.as<float>();
  } else {
    file_.emplace(spill, bytes);
    data_ = reinterpret_cast<float*>(file_->data());
  }
}

TensorView Activations::rows(std::int64_t first, std::int64_t rows, std::int64_t columns) const {
  TensorView view = TensorView::dense(data_ + first * width_, DType::f32, {rows, width_});
  view.extent[1] = columns;
  return view;
}

void Activations::release(std::int64_t first, std::int64_t rows) const {
  if (!file_) return;
  const auto* begin = reinterpret_cast<const std::byte*>(data_ + first * width_);
  file_->release_pages({begin, count(rows * width_) * sizeof(float)});
}

}  // namespace transom::compress
