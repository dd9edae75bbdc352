// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <utility>

namespace transom::core {

/// The only owner of large memory: zeroed bytes, aligned to a cache line. Big buffers come from the system
/// page by page, so that memory becomes resident as it is first written.
class Buffer {
 public:
  /// huge: asks for 2 MB pages, for weights that are streamed whole (fewer page walks). lazy: small pages,
  /// for memory that is reserved for the worst case and touched as needed.
  enum class Pages { huge, lazy };

  Buffer() = default;
  /// @throws OutOfMemory naming `purpose`.
  Buffer(std::size_t bytes, const char* purpose, Pages pages = Pages::huge);
  Buffer(Buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        mapped_(std::exchange(other.mapped_, false)) {}
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer() { release(); }

  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }
  explicit operator bool() const { return data_ != nullptr; }

  /// Moves lazy memory that is all in use by now to huge pages, where the system can (Linux 6.1 on).
  void make_huge() noexcept;
  /// Gives the pages that lie in these bytes back to the system: they read as zero, or as they were, until
  /// they are written again.
  void discard(std::size_t offset, std::size_t bytes) noexcept;

  template <typename T>
  T* as() {
    return reinterpret_cast<T*>(data_);
  }
  template <typename T>
  const T* as() const {
    return reinterpret_cast<const T*>(data_);
  }

 private:
  void release() noexcept;

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  bool mapped_ = false;
};

}  // namespace transom::core
