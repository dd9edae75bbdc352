// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/host_memory.h"
#include "tests/support/forwarding_backend.h"

namespace transom::testing {

/// Memory of the host that can run out.
class SmallBackend final : public ForwardingBackend {
 public:
  using ForwardingBackend::ForwardingBackend;
  bool full = false;

  backend::Buffer allocate(std::size_t bytes, const char* purpose, backend::Buffer::Pages pages) override {
    if (full) throw core::OutOfHostMemory(purpose);
    return ForwardingBackend::allocate(bytes, purpose, pages);
  }
};

}  // namespace transom::testing
