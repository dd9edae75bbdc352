// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "core/buffer.h"
#include "core/tensor_view.h"
#include "io/scratch_file.h"

namespace transom::compress {

/// What flows between the layers for all calibration tokens: an f32 matrix [tokens, width] in memory, or in a
/// scratch file of which only the rows in use are resident.
class Activations {
 public:
  /// @param spill Where the scratch file goes; empty: in memory.
  Activations(std::int64_t tokens, std::int64_t width, const std::filesystem::path& spill);

  /// Rows [first, first + rows), of which the first `columns` columns are used.
  core::TensorView rows(std::int64_t first, std::int64_t rows, std::int64_t columns) const;
  /// These rows are not needed for a while.
  void release(std::int64_t first, std::int64_t rows) const;

 private:
  std::int64_t width_;
  core::Buffer buffer_;
  std::optional<io::ScratchFile> file_;
  float* data_ = nullptr;
};

}  // namespace transom::compress
