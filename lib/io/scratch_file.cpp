// SPDX-License-Identifier: Apache-2.0
#include "io/scratch_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <system_error>

#include "core/checks.h"
#include "transom/error.h"

namespace transom::io {

ScratchFile::ScratchFile(const std::filesystem::path& directory, std::size_t bytes)
    : size_(std::max<std::size_t>(bytes, 1)) {
  const auto fail = [&](const char* what, int error) {
    throw DeviceError(core::message(directory.string(), ": cannot ", what, " a scratch file of ", size_,
                                    " bytes: ", std::generic_category().message(error)));
  };
  std::string name = (directory / "transom-scratch-XXXXXX").string();
  const int file = ::mkstemp(name.data());
  if (file < 0) fail("create", errno);
  ::unlink(name.c_str());
  // Written through the mapping, a disk that fills up later would end the process with a signal.
  const int refused = ::posix_fallocate(file, 0, static_cast<off_t>(size_));
  void* const mapped =
      refused == 0 ? ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) : MAP_FAILED;
  const int error = refused != 0 ? refused : errno;
  ::close(file);
  if (mapped == MAP_FAILED) fail(refused != 0 ? "reserve" : "map", error);
  data_ = static_cast<std::byte*>(mapped);
}

ScratchFile::~ScratchFile() { ::munmap(data_, size_); }

}  // namespace transom::io
