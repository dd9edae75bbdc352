// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>

namespace transom::cuda_on_host {

/// How many devices the runtime says there are: 1 unless a test wants none.
void set_device_count(int count);

/// What CUDA the driver is of, 12040 for 12.4, 0 where there is none; nothing: as new as the runtime.
void set_driver_version(std::optional<int> version);

/// What the device has none of from now on.
enum class Lack {
  nothing,
  kernels,
  page_locked_memory,
  memory_to_begin_captures,
  memory_to_end_captures,
  memory_of_graphs,
  memory_to_upload_graphs,
  memory_to_launch_graphs,
  memory_pools
};
void set_lack(Lack lack);
bool lacks(Lack lack);

/// Device memory that has to be free wherever a kernel is launched or captured, as if it were loaded then.
void set_memory_of_kernels(std::size_t bytes);

}  // namespace transom::cuda_on_host
