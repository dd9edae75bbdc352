// SPDX-License-Identifier: Apache-2.0
#include "io/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

#include "core/checks.h"
#include "transom/error.h"

namespace transom::io {

using core::message;

namespace {

std::string system_message(int error) { return std::generic_category().message(error); }

/// An open descriptor of a regular file, closed at the end of the scope.
class Descriptor {
 public:
  explicit Descriptor(const std::filesystem::path& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_ < 0) {
      const int error = errno;
      if (error == ENOENT || error == ENOTDIR) throw NotFound(message(path.string(), ": no such file"));
      throw DeviceError(message(path.string(), ": cannot open: ", system_message(error)));
    }
    struct stat info {};
    if (::fstat(fd_, &info) != 0) {
      const int error = errno;
      ::close(fd_);
      throw DeviceError(message(path.string(), ": cannot read its size: ", system_message(error)));
    }
    if (!S_ISREG(info.st_mode)) {
      ::close(fd_);
      throw FormatError(message(path.string(), ": expected a regular file, found something else"));
    }
    size_ = static_cast<std::size_t>(info.st_size);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { ::close(fd_); }

  int get() const { return fd_; }
  std::size_t size() const { return size_; }

 private:
  int fd_;
  std::size_t size_ = 0;
};

}  // namespace

std::string read_text_file(const std::filesystem::path& path, std::size_t max_bytes) {
  const Descriptor file(path);
  if (file.size() > max_bytes) {
    throw FormatError(
        message(path.string(), ": expected at most ", max_bytes, " bytes, found ", file.size()));
  }
  std::string text(file.size(), '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + done, text.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw DeviceError(message(path.string(), ": cannot read: ", system_message(errno)));
    if (got == 0) break;  // somebody shortened the file meanwhile: what is there is what we judge
    done += static_cast<std::size_t>(got);
  }
  text.resize(done);
  return text;
}

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
  const Descriptor file(path);
  size_ = file.size();
  if (size_ == 0) return;  // mmap refuses an empty mapping
  void* mapped = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (mapped == MAP_FAILED) {
    throw DeviceError(message(path.string(), ": cannot map ", size_, " bytes: ", system_message(errno)));
  }
  data_ = static_cast<const std::byte*>(mapped);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  if (this != &other) {
    unmap();
    path_ = std::move(other.path_);
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

MappedFile::~MappedFile() { unmap(); }

void MappedFile::unmap() noexcept {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
  data_ = nullptr;
}

void release_pages(std::span<const std::byte> range) noexcept {
  if (range.empty()) return;
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<std::uintptr_t>(range.data()) / page * page;
  const auto end = reinterpret_cast<std::uintptr_t>(range.data() + range.size());
  ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace transom::io
