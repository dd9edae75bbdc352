// SPDX-License-Identifier: Apache-2.0
#include "backend/registry.h"

#include "backend/cpu/cpu_backend.h"
#include "core/checks.h"
#include "transom/error.h"

namespace transom::backend {

std::shared_ptr<Backend> open_backend(std::string_view device, const BackendOptions& options) {
  if (device == "cpu" || device == "auto")
    return std::make_shared<CpuBackend>(options.threads, options.pin_threads);
  if (device == "cuda" || device.starts_with("cuda:")) {
    throw UnsupportedError("device \"cuda\" is not part of this build; use \"cpu\"");
  }
  throw InvalidArgument(core::message("device: expected \"cpu\", found \"", device, "\""));
}

}  // namespace transom::backend
