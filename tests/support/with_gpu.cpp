// SPDX-License-Identifier: Apache-2.0
// usage: transom_with_gpu PROGRAM [ARGUMENT...]
//
// Runs a program of tests that need a GPU, or says that they were skipped (exit code 77) where the machine
// has no driver or no device. Whatever else is in the way, such as a library that is missing, of another
// version or without kernels for this GPU, fails. TRANSOM_CUDA_LIBRARY names the library.
#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <string>

#include "backend/cuda_library.h"

namespace {

constexpr int kSkipped = 77, kFailed = 1;

/// Why there is no device, or nothing where one is, or should be: asks the driver itself, which is there
/// without a toolkit.
std::string absence() {
  // As cuda.h has them.
  using Init = int(unsigned flags);
  using DeviceGetCount = int(int* count);
  constexpr int kSuccess = 0, kStubLibrary = 34, kNoDevice = 100;

  void* const driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (driver == nullptr) return "there is no NVIDIA driver";
  auto* const init = reinterpret_cast<Init*>(dlsym(driver, "cuInit"));
  auto* const count_devices = reinterpret_cast<DeviceGetCount*>(dlsym(driver, "cuDeviceGetCount"));
  if (init == nullptr || count_devices == nullptr) return {};
  const int status = init(0);
  if (status == kStubLibrary) return "the NVIDIA driver is a stub";
  if (status == kNoDevice) return "the driver finds none";
  int devices = 0;
  if (status == kSuccess && count_devices(&devices) == kSuccess && devices == 0) return "the driver finds none";
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: transom_with_gpu PROGRAM [ARGUMENT...]\n");
    return kFailed;
  }
  if (const std::string why = absence(); !why.empty()) {
    std::printf("skipped: no CUDA device (%s)\n", why.c_str());
    return kSkipped;
  }
  try {
    transom::backend::open_cuda_backend(0, false);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return kFailed;
  }
  ::execv(argv[1], argv + 1);
  std::perror(argv[1]);
  return kFailed;
}
