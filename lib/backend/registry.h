// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>

#include "backend/backend.h"

namespace transom::backend {

struct BackendOptions {
  int threads = 0;  // 0 = every core
  bool pin_threads = true;
};

/// Opens a device by its name.
/// @throws InvalidArgument for an unknown name; UnsupportedError for a device that this build leaves out.
std::shared_ptr<Backend> open_backend(std::string_view device, const BackendOptions& options);

}  // namespace transom::backend
