// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "io/file.h"

namespace transom::io {

/// Zeroed bytes that live in a file without a name, for data that need not stay in memory. The file goes with
/// the object, or with the process. One thread at a time.
class ScratchFile {
 public:
  /// @param directory Where the file is made. Its room on the disk is taken at once.
  /// @throws DeviceError when it can not be made: no such directory, or the disk is full.
  ScratchFile(const std::filesystem::path& directory, std::size_t bytes);
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  ~ScratchFile();

  std::byte* data() const { return data_; }
  /// Lets these bytes leave resident memory; they come back from the file when they are next used.
  void release_pages(std::span<const std::byte> range) const noexcept { io::release_pages(range); }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_;
};

}  // namespace transom::io
