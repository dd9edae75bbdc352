// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "tests/cuda_on_host/runtime/device.h"
#include "tests/cuda_on_host/runtime/device_memory.h"

namespace transom::testing {

/// While it lives, the emulated device has only so much memory.
struct LimitedMemory {
  explicit LimitedMemory(std::size_t bytes) { cuda_on_host::limit_device_memory(bytes); }
  ~LimitedMemory() { cuda_on_host::limit_device_memory(0); }
  LimitedMemory(const LimitedMemory&) = delete;
  LimitedMemory& operator=(const LimitedMemory&) = delete;
};

/// While it lives, the emulated device lacks something.
struct Lacking {
  explicit Lacking(cuda_on_host::Lack lack) { cuda_on_host::set_lack(lack); }
  ~Lacking() { cuda_on_host::set_lack(cuda_on_host::Lack::nothing); }
  Lacking(const Lacking&) = delete;
  Lacking& operator=(const Lacking&) = delete;
};

/// While it lives, kernels need so much memory wherever they are launched.
struct KernelsOf {
  explicit KernelsOf(std::size_t bytes) { cuda_on_host::set_memory_of_kernels(bytes); }
  ~KernelsOf() { cuda_on_host::set_memory_of_kernels(0); }
  KernelsOf(const KernelsOf&) = delete;
  KernelsOf& operator=(const KernelsOf&) = delete;
};

}  // namespace transom::testing
