// SPDX-License-Identifier: Apache-2.0
/// Which memory kernels may touch. Device memory is heap memory, so that the address sanitizer sees its ends;
/// it is filled with bits that are no number in every format.
#pragma once

#include <cstddef>
#include <string>

namespace transom::cuda_on_host {

enum class Memory { pageable, pinned, device };
/// What the bytes are, all of them, to a call that names them now; pageable is whatever the device does not
/// know.
Memory memory_of(const void* address, std::size_t bytes);
/// Whether work that runs now may touch the bytes: pinned memory, and device memory whose stream has got to
/// its allocation and not to its end.
bool is_device_memory(const void* address, std::size_t bytes);

/// How much memory there is for cudaMalloc and pools, 0: as much as a large device has.
void limit_device_memory(std::size_t bytes);
/// What they have of it now, pools also what nobody uses.
std::size_t device_memory_in_use();

}  // namespace transom::cuda_on_host
