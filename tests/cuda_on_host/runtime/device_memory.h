// SPDX-License-Identifier: Apache-2.0
/// Which memory kernels may touch. Device memory is heap memory, so that the address sanitizer sees its ends;
/// it is filled with bits that are no number in every format.
#pragma once

#include <cstddef>
#include <string>

namespace transom::cuda_on_host {

enum class Memory { pageable, pinned, device };
/// What the bytes are, all of them; pageable is whatever the device does not know.
Memory memory_of(const void* address, std::size_t bytes);
/// Whether a kernel may touch the bytes: device memory and pinned memory.
bool is_device_memory(const void* address, std::size_t bytes);

/// How much cudaMalloc hands out at most, 0: as much as there is.
void limit_device_memory(std::size_t bytes);

}  // namespace transom::cuda_on_host
