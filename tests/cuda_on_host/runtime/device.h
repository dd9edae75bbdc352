// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace transom::cuda_on_host {

/// How many devices the runtime says there are: 1 unless a test wants none.
void set_device_count(int count);

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

}  // namespace transom::cuda_on_host
