// SPDX-License-Identifier: Apache-2.0
#include "backend/cuda_library.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <mutex>

#include "core/checks.h"
#include "transom/error.h"

namespace transom::backend {

namespace {

namespace fs = std::filesystem;

constexpr const char* kLibrary = "libtransom_cuda.so";

/// The folder of the file that holds this function, or an empty path.
fs::path own_folder() {
  Dl_info info = {};
  if (dladdr(reinterpret_cast<const void*>(&open_cuda_backend), &info) == 0 || info.dli_fname == nullptr)
    return {};
  std::error_code ignored;
  return fs::canonical(info.dli_fname, ignored).parent_path();
}

/// Where to look, in this order.
std::string library_name() {
  if (const char* chosen = std::getenv("TRANSOM_CUDA_LIBRARY"); chosen != nullptr && *chosen != '\0')
    return chosen;
  std::error_code ignored;
  const fs::path beside = own_folder() / kLibrary;
  return fs::exists(beside, ignored) ? beside.string() : kLibrary;
}

/// Opened once and never closed: the CUDA runtime does not survive that.
OpenCudaBackend* find_entry() {
  static std::mutex mutex;
  static OpenCudaBackend* entry = nullptr;
  const std::lock_guard lock(mutex);
  if (entry != nullptr) return entry;
  const std::string name = library_name();
  void* const library = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr)
    throw DeviceError(core::message("device \"cuda\": cannot open ", name, ": ", dlerror()));
  void* const symbol = dlsym(library, kOpenCudaBackend);
  if (symbol == nullptr) {
    const std::string error =
        core::message("device \"cuda\": ", name, " is not Transom's library: ", dlerror());
    dlclose(library);
    throw DeviceError(error);
  }
  return entry = reinterpret_cast<OpenCudaBackend*>(symbol);
}

}  // namespace

std::shared_ptr<Backend> open_cuda_backend(int device, bool graphs, int threads) {
  return std::shared_ptr<Backend>(find_entry()(kCudaLibraryVersion, device, graphs, threads));
}

}  // namespace transom::backend
