// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>

#include "core/buffer.h"

namespace transom::backend {

/// Memory for packed weights, cut one after the other from large pieces. On their own, the smaller matrices
/// and all scales would lie on 4 KB pages, and streaming those pays for page walks.
class WeightArena {
 public:
  /// Zeroed bytes at a cache line; their piece lives as long as the last owner.
  struct Slice {
    std::byte* data = nullptr;
    std::shared_ptr<core::Buffer> piece;
  };

  /// @throws OutOfMemory.
  Slice allocate(std::size_t bytes) {
    constexpr std::size_t kPiece = std::size_t{128} << 20, kLine = 64;
    bytes = (bytes + kLine - 1) / kLine * kLine;
    const bool abandoned = piece_.use_count() == 1;  // all that lay in it is gone
    if (piece_ == nullptr || abandoned || piece_->size() - used_ < bytes) {
      piece_.reset();
      piece_ = std::make_shared<core::Buffer>(std::max(bytes, kPiece), "weights");
      used_ = 0;
    }
    std::byte* data = piece_->data() + used_;
    used_ += bytes;
    return {data, piece_};
  }

 private:
  std::shared_ptr<core::Buffer> piece_;
  std::size_t used_ = 0;
};

}  // namespace transom::backend
