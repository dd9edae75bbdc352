// SPDX-License-Identifier: Apache-2.0
/// Memory of the current device, and memory of this process that the device copies from and to on its own.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>

#include "core/buffer.h"

namespace transom::backend {

/// Zeroed. @throws OutOfMemory that says how much there is and what would need less.
core::Buffer allocate_device(std::size_t bytes, const char* purpose);

/// Page-locked. @throws OutOfMemory.
core::Buffer allocate_pinned(std::size_t bytes, const char* purpose);

}  // namespace transom::backend
