// SPDX-License-Identifier: Apache-2.0
/// Runs a kernel: its blocks one after the other, the threads of a block as fibers in the calling thread. A
/// fiber runs until it waits for others, so that a run is the same every time.
///
/// Threads of a warp meet at shuffles, products and the like: the last of the 32 lanes to arrive does the
/// work of all. Threads of a block meet at block_sync. When all that are left wait and nothing can go on, the
/// launch has failed, and the failure says who waits where.
///
/// One kernel at a time: the caller holds a lock.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/cuda_on_host/engine/access_counts.h"
#include "tests/cuda_on_host/engine/place.h"

namespace transom::cuda_on_host {

struct Launch {
  std::string kernel;
  dim3 grid, block;
  std::size_t shared_bytes = 0;
  void (*body)(void* context) = nullptr;
  void* context = nullptr;
};

/// The most that a block of an H100 can have (CUDA programming guide, compute capabilities), and most
/// threads.
inline constexpr std::size_t kMostSharedBytes = 227 * 1024;
inline constexpr unsigned kMostThreads = 1024;

/// What is wrong with the numbers of a launch, or an empty text.
std::string wrong_shape(const Launch& launch);

/// Runs a launch whose shape is right. False: it has failed, and failures say why.
bool run(const Launch& launch);

/// Blocks in reverse order: what a kernel writes must not depend on it.
void reverse_blocks(bool reversed);

/// How much shared memory a block may have from now on: kMostSharedBytes, or that of a smaller device.
void limit_shared_memory(std::size_t bytes);
std::size_t shared_memory_limit();

// ---- for the functions of ptx.cuh, called by kernels

/// Ends the launch with a failure.
[[noreturn]] void fail(const std::string& what, const Place& place);
void* shared_memory(std::size_t bytes, const Place& place);
unsigned lane_index();

void meet_block(const Place& place);
/// Lanes of a warp meet. operands: the lanes' own, in order of lanes; results go there too.
using Combine = void (*)(void* const* operands);
void meet_warp(const char* what, const Place& place, void* operand, Combine combine);
/// What warp_sync does beyond: it orders memory.
void order_warp_memory();

/// Checks an access and counts it; ends the launch when it is outside of memory.
void access_shared(const void* address, std::size_t bytes, Use use, const Place& place);
void access_global(const void* address, std::size_t bytes, Use use, const Place& place);

/// Copies of cp_async, of 4 or 16 bytes: they happen when the thread waits for them.
void begin_copy(void* shared, const void* global, std::size_t bytes, bool valid, const Place& place);
void commit_copies();
void wait_copies(std::size_t groups_left, const Place& place);

}  // namespace transom::cuda_on_host
