// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

namespace transom::core {

/// The only owner of large memory, aligned to a cache line: zeroed bytes of this process, or memory that a
/// device gave, whose data() only the device may read. Big buffers of this process come from the system page
/// by page, so that memory becomes resident as it is first written.
class Buffer {
 public:
  /// huge: asks for 2 MB pages, for weights that are streamed whole (fewer page walks). lazy: small pages,
  /// for memory that is reserved for the worst case and touched as needed.
  enum class Pages { huge, lazy };

  Buffer() = default;
  /// @throws OutOfMemory naming `purpose`.
  Buffer(std::size_t bytes, const char* purpose, Pages pages = Pages::huge);
  /// Takes over memory of a device, which goes back as the pointer says, along with what that needs.
  Buffer(std::shared_ptr<std::byte> memory, std::size_t bytes)
      : data_(memory.get()), size_(bytes), foreign_(std::move(memory)) {}
  Buffer(Buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        mapped_(std::exchange(other.mapped_, false)),
        foreign_(std::move(other.foreign_)) {}
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer() { release(); }

  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }
  explicit operator bool() const { return data_ != nullptr; }

  /// Moves lazy memory that is all in use by now to huge pages, where the system can (Linux 6.1 on). Memory
  /// of a device stays as it is, here and below.
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
  std::shared_ptr<std::byte> foreign_;  // null: memory of this process. Never shared
};

}  // namespace transom::core
