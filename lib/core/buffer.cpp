// SPDX-License-Identifier: Apache-2.0
#include "core/buffer.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "core/checks.h"
#include "core/host_memory.h"

namespace transom::core {

namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;
// Lazy memory from this size on comes from the system itself.
constexpr std::size_t kLeastLazy = std::size_t{128} << 10;

/// Fresh pages from a multiple of `alignment` on, or null.
std::byte* map_aligned(std::size_t bytes, std::size_t alignment) {
  if (bytes > SIZE_MAX - 2 * alignment) return nullptr;
  const std::size_t reserved = bytes + alignment;
  void* mapped =
      ::mmap(nullptr, reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  auto* const begin = static_cast<std::byte*>(mapped);
  const std::size_t before = (alignment - reinterpret_cast<std::uintptr_t>(begin) % alignment) % alignment;
  // What is not needed goes back, whole pages of it.
  const std::size_t page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t end = (before + bytes + page - 1) / page * page;
  if (before > 0) ::munmap(begin, before);
  if (end < reserved) ::munmap(begin + end, (reserved - end + page - 1) / page * page);
  return begin + before;
}

}  // namespace

Buffer::Buffer(std::size_t bytes, const char* purpose, Pages pages) : size_(bytes) {
  if (bytes == 0) return;
  if (bytes < (pages == Pages::lazy ? kLeastLazy : kHugePage)) {
    const std::size_t rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    data_ = static_cast<std::byte*>(std::aligned_alloc(kAlignment, rounded));
    if (data_ != nullptr) std::memset(data_, 0, rounded);
  } else {
    data_ = map_aligned(bytes, bytes < kHugePage ? kAlignment : kHugePage);
    mapped_ = data_ != nullptr;
    // Advice only: a system without huge pages serves small ones.
    if (mapped_) ::madvise(data_, bytes, pages == Pages::huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  }
  if (data_ == nullptr) throw OutOfHostMemory(message("cannot allocate ", bytes, " bytes for ", purpose));
}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this != &other) {
    release();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    mapped_ = std::exchange(other.mapped_, false);
    foreign_ = std::move(other.foreign_);
  }
  return *this;
}

void Buffer::make_huge() noexcept {
  constexpr int kCollapse = 25;  // MADV_COLLAPSE; older C libraries do not name it
  if (!mapped_) return;
  ::madvise(data_, size_, MADV_HUGEPAGE);
  ::madvise(data_, size_, kCollapse);
}

void Buffer::discard(std::size_t offset, std::size_t bytes) noexcept {
  if (!mapped_) return;
  const std::size_t page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t begin = (offset + page - 1) / page * page, end = (offset + bytes) / page * page;
  if (begin < end) ::madvise(data_ + begin, end - begin, MADV_DONTNEED);
}

void Buffer::release() noexcept {
  if (foreign_ != nullptr) {
    foreign_.reset();
  } else if (mapped_) {
    ::munmap(data_, size_);
  } else {
    std::free(data_);
  }
  data_ = nullptr;
}

}  // namespace transom::core
