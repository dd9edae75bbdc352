// SPDX-License-Identifier: Apache-2.0
/// Whole files as text, and files mapped read-only into memory.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

namespace transom::io {

/// Reads a whole regular file.
/// @throws NotFound when there is none, FormatError when it is larger than max_bytes, DeviceError when
/// reading fails.
std::string read_text_file(const std::filesystem::path& path, std::size_t max_bytes);

/// Tells the system that mapped bytes will not be read again soon, so that they leave resident memory. They
/// may still be read: they come back from the file.
void release_pages(std::span<const std::byte> range) noexcept;

/// A read-only private mapping of a regular file. The bytes stay valid as long as the object lives, provided
/// that nobody truncates the file meanwhile (write a new file and rename it instead). Movable; safe to read
/// from any thread.
class MappedFile {
 public:
  /// @throws NotFound, DeviceError; FormatError when it is not a regular file.
  explicit MappedFile(const std::filesystem::path& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::filesystem::path& path() const { return path_; }

  /// Of these bytes, which lie in the file.
  void release_pages(std::span<const std::byte> range) const noexcept { io::release_pages(range); }

 private:
  void unmap() noexcept;

  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace transom::io
