// SPDX-License-Identifier: Apache-2.0
#include "tests/cuda_on_host/engine/execution.h"

#include <cstring>
#include <memory>

#include "tests/cuda_on_host/engine/block.h"
#include "tests/cuda_on_host/engine/failures.h"
#include "tests/cuda_on_host/runtime/device_memory.h"

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace transom::cuda_on_host {
namespace {

/// Made for the first launch.
std::unique_ptr<Block> the_block;
Block& block() { return *the_block; }

bool reversed = false;
std::size_t shared_limit = kMostSharedBytes;

bool is_aligned(const void* address, std::size_t bytes) {
  return reinterpret_cast<std::uintptr_t>(address) % bytes == 0;
}

}  // namespace

std::string wrong_shape(const Launch& launch) {
  const std::size_t threads = std::size_t{launch.block.x} * launch.block.y * launch.block.z;
  if (launch.block.y != 1 || launch.block.z != 1) return "threads of a block are to have one dimension";
  if (threads == 0 || threads > kMostThreads || threads % kLanes != 0)
    return std::to_string(threads) + " threads in a block: whole warps, and 1024 at most";
  if (launch.shared_bytes > shared_limit)
    return std::to_string(launch.shared_bytes) + " bytes of shared memory, more than " +
           std::to_string(shared_limit / 1024) + " KB";
  if (launch.grid.x == 0 || launch.grid.y == 0 || launch.grid.z == 0) return "a grid without blocks";
  if (launch.grid.x > 0x7fffffffu || launch.grid.y > 65535 || launch.grid.z > 65535)
    return "a grid too large";
  return {};
}

void reverse_blocks(bool yes) { reversed = yes; }

void limit_shared_memory(std::size_t bytes) { shared_limit = bytes; }
std::size_t shared_memory_limit() { return shared_limit; }

bool run(const Launch& launch) {
  const std::size_t failures_before = failure_count();
  if (!the_block) the_block = std::make_unique<Block>();
  blockDim = launch.block;
  gridDim = launch.grid;
  block().begin_launch(launch);
  const std::size_t blocks = std::size_t{launch.grid.x} * launch.grid.y * launch.grid.z;
  for (std::size_t i = 0; i < blocks; ++i) {
    const std::size_t index = reversed ? blocks - 1 - i : i;
    blockIdx.x = static_cast<unsigned>(index % launch.grid.x);
    blockIdx.y = static_cast<unsigned>(index / launch.grid.x % launch.grid.y);
    blockIdx.z = static_cast<unsigned>(index / launch.grid.x / launch.grid.y);
    if (!block().run()) return false;
  }
  return failure_count() == failures_before;
}

void fail(const std::string& what, const Place& place) { block().fail(what + " at " + to_string(place)); }

void* shared_memory(std::size_t bytes, const Place& place) {
  if (bytes > block().launch().shared_bytes)
    fail("block_shared of " + std::to_string(bytes) + " bytes, launched with " +
             std::to_string(block().launch().shared_bytes),
         place);
  return block().shared();
}

unsigned lane_index() { return block().current().lane; }

void meet_block(const Place& place) { block().meet_block(place); }

void meet_warp(const char* what, const Place& place, void* operand, Combine combine) {
  block().meet_warp(what, place, operand, combine);
}

void order_warp_memory() { block().races().warp_barrier(block().current().index / kLanes); }

void access_shared(const void* address, std::size_t bytes, Use use, const Place& place) {
  Block& b = block();
  const std::size_t offset = b.shared_offset(address);
  if (offset + bytes > b.launch().shared_bytes || offset > b.launch().shared_bytes)
    fail("access outside of the block's shared memory", place);
  if (!is_aligned(address, bytes)) fail("misaligned access to shared memory", place);
  const Site site = site_of(place);
  const bool race = use == Use::store_shared ? b.races().write(b.current().index, offset, bytes, site)
                                             : b.races().read(b.current().index, offset, bytes, site);
  if (race) b.report(b.races().race());
  b.current().log.push_back({offset, site, static_cast<std::uint8_t>(bytes), use});
}

void access_global(const void* address, std::size_t bytes, Use use, const Place& place) {
  if (!is_device_memory(address, bytes)) fail("access outside of device memory", place);
  if (!is_aligned(address, bytes)) fail("misaligned access to global memory", place);
  block().current().log.push_back(
      {reinterpret_cast<std::uintptr_t>(address), site_of(place), static_cast<std::uint8_t>(bytes), use});
}

void begin_copy(void* shared, const void* global, std::size_t bytes, bool valid, const Place& place) {
  Block& b = block();
  Thread& thread = b.current();
  const std::size_t offset = b.shared_offset(shared);
  if (offset > b.launch().shared_bytes || offset + bytes > b.launch().shared_bytes)
    fail("cp_async to outside of the block's shared memory", place);
  if (!is_aligned(shared, bytes)) fail("cp_async to a misaligned address", place);
  if (!is_aligned(global, bytes)) fail("cp_async from a misaligned address", place);
  Copy copy{offset, bytes, {}, place};
  if (valid) {
    access_global(global, bytes, Use::copy_from_global, place);
    std::memcpy(copy.data, global, bytes);
  }
  const Site site = site_of(place);
  thread.log.push_back({offset, site, static_cast<std::uint8_t>(bytes), Use::copy_to_shared});
  if (b.races().begin_copy(thread.index, offset, bytes, site)) b.report(b.races().race());
  thread.open_copies.push_back(copy);
}

void commit_copies() {
  Thread& thread = block().current();
  thread.copy_groups.push_back(std::move(thread.open_copies));
  thread.open_copies.clear();
}

void wait_copies(std::size_t groups_left, const Place& place) {
  Thread& thread = block().current();
  while (thread.copy_groups.size() > groups_left) {
    for (const Copy& copy : thread.copy_groups.front()) {
      std::memcpy(block().shared() + copy.offset, copy.data, copy.bytes);
      block().races().end_copy(thread.index, copy.offset, copy.bytes, site_of(place));
    }
    thread.copy_groups.pop_front();
  }
}

}  // namespace transom::cuda_on_host
