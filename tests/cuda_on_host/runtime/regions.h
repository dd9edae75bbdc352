// SPDX-License-Identifier: Apache-2.0
/// The memory that the device knows. Everything here is used under device_lock().
#pragma once

#include <cstddef>
#include <memory>

#include "tests/cuda_on_host/runtime/device_memory.h"

namespace transom::cuda_on_host {

struct Pool;

struct Region {
  void* first = nullptr;
  std::size_t bytes = 0;
  Memory kind = Memory::device;
  bool registered = false;     // by cudaHostRegister
  bool reached = true;         // a stream has got to its allocation: kernels and copies may touch it
  bool given_back = false;     // cudaFreeAsync was called: no later call may name it
  bool of_graph = false;       // allocated during a capture
  std::shared_ptr<Pool> pool;  // or null
};

/// New memory whose bits are undefined, or null where the host has none.
std::shared_ptr<Region> add_region(std::size_t bytes, Memory kind);
/// Null where none begins there.
std::shared_ptr<Region> region_at(const void* first);
/// Nobody may touch it any more. Memory that was not registered goes back to the host.
void remove_region(const Region& region);
void set_reached(Region& region, bool reached);

/// Of the device's memory. false: there is not so much.
bool take_device_memory(std::size_t bytes);
void return_device_memory(std::size_t bytes);

}  // namespace transom::cuda_on_host
