// SPDX-License-Identifier: Apache-2.0
#include "backend/registry.h"

#include <charconv>

#include "backend/cpu/cpu_backend.h"
#include "backend/cuda_library.h"
#include "core/checks.h"
#include "transom/error.h"

namespace transom::backend {

namespace {

/// The index in "cuda" or "cuda:1", or -1.
int cuda_index(std::string_view device) {
  if (device == "cuda") return 0;
  constexpr std::string_view kPrefix = "cuda:";
  if (!device.starts_with(kPrefix)) return -1;
  const std::string_view digits = device.substr(kPrefix.size());
  int index = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
  return error == std::errc() && end == digits.data() + digits.size() ? index : -1;
}

}  // namespace

std::shared_ptr<Backend> open_backend(std::string_view device, const BackendOptions& options) {
  if (device == "cpu" || device == "auto")
    return std::make_shared<CpuBackend>(options.threads, options.pin_threads);
  if (const int index = cuda_index(device); index >= 0)
    return open_cuda_backend(index, options.cuda_graphs, options.threads);
  throw InvalidArgument(
      core::message("device: expected \"cpu\", \"cuda\" or \"cuda:1\", found \"", device, "\""));
}

}  // namespace transom::backend
