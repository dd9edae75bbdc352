// SPDX-License-Identifier: Apache-2.0
/// Memory of this process that the device copies from and to on its own.
#pragma once

#include <cstddef>

#include "core/buffer.h"

namespace transom::backend {

/// Page-locked. @throws OutOfMemory.
core::Buffer allocate_pinned(std::size_t bytes, const char* purpose);

}  // namespace transom::backend
