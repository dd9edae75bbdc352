// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "transom/error.h"

namespace transom::core {

/// Memory of this process ran out, and not that of a device: who gives advice has to know which it was. To
/// applications it is an OutOfMemory.
class OutOfHostMemory final : public OutOfMemory {
 public:
  using OutOfMemory::OutOfMemory;
};

}  // namespace transom::core
