// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>

#include "backend/backend.h"

namespace transom::backend {

struct BackendOptions {
  int threads = 0;  // 0 = every core
  bool pin_threads = true;
  bool cuda_graphs = true;  // replay decode steps as CUDA graphs
};

/// Opens a device by its name: "cpu" (or "auto"), "cuda" (the first GPU), "cuda:1".
/// @throws InvalidArgument for an unknown name; DeviceError for a device that is not there.
std::shared_ptr<Backend> open_backend(std::string_view device, const BackendOptions& options);

}  // namespace transom::backend
