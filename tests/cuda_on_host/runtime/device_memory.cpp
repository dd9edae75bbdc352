// SPDX-License-Identifier: Apache-2.0
#include "tests/cuda_on_host/runtime/device_memory.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>

#include "tests/cuda_on_host/runtime/device.h"
#include "tests/cuda_on_host/runtime/streams.h"

namespace transom::cuda_on_host {
namespace {

constexpr std::size_t kAlignment = 256;
constexpr int kUndefined = 0xff;
constexpr std::size_t kTotal = std::size_t{80} << 30;

struct Region {
  std::size_t bytes;
  bool device;
  bool registered;  // by cudaHostRegister
};

struct Regions {
  std::map<std::uintptr_t, Region> all;     // by first address
  std::uintptr_t found = 0, found_end = 0;  // last
  std::size_t in_use = 0, limit = kTotal;   // device memory
};

Regions& regions() {
  static Regions all;
  return all;
}

const Region* find(const void* address, std::size_t bytes) {
  Regions& r = regions();
  const std::uintptr_t first = reinterpret_cast<std::uintptr_t>(address);
  const auto after = r.all.upper_bound(first);
  if (after == r.all.begin()) return nullptr;
  const auto& [start, region] = *std::prev(after);
  if (first + bytes > start + region.bytes) return nullptr;
  r.found = start;
  r.found_end = start + region.bytes;
  return &region;
}

cudaError_t allocate(void** pointer, std::size_t bytes, bool device) {
  Regions& r = regions();
  *pointer = nullptr;
  if (bytes == 0) return cudaSuccess;
  if (device && bytes > r.limit - r.in_use) return note(cudaErrorMemoryAllocation);
  if (posix_memalign(pointer, kAlignment, bytes) != 0) return note(cudaErrorMemoryAllocation);
  std::memset(*pointer, kUndefined, bytes);
  r.all[reinterpret_cast<std::uintptr_t>(*pointer)] = {bytes, device, false};
  if (device) r.in_use += bytes;
  return cudaSuccess;
}

cudaError_t release(void* pointer, bool device) {
  if (pointer == nullptr) return cudaSuccess;
  Regions& r = regions();
  const auto region = r.all.find(reinterpret_cast<std::uintptr_t>(pointer));
  if (region == r.all.end() || region->second.device != device || region->second.registered)
    return note(cudaErrorInvalidValue);
  if (device) r.in_use -= region->second.bytes;
  r.all.erase(region);
  r.found = r.found_end = 0;
  std::free(pointer);
  return cudaSuccess;
}

}  // namespace

Memory memory_of(const void* address, std::size_t bytes) {
  const Region* region = find(address, bytes);
  return region == nullptr ? Memory::pageable : region->device ? Memory::device : Memory::pinned;
}

bool is_device_memory(const void* address, std::size_t bytes) {
  const std::uintptr_t first = reinterpret_cast<std::uintptr_t>(address);
  if (first >= regions().found && first + bytes <= regions().found_end) return true;
  return find(address, bytes) != nullptr;
}

void limit_device_memory(std::size_t bytes) { regions().limit = bytes == 0 ? kTotal : bytes; }

}  // namespace transom::cuda_on_host

using namespace transom::cuda_on_host;
using Lock = std::lock_guard<std::recursive_mutex>;

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  const Lock lock(device_lock());
  if (const cudaError_t error = refuse_in_capture()) return error;
  return allocate(pointer, bytes, true);
}

/// Waits for all work, as the toolkit's does.
cudaError_t cudaFree(void* pointer) {
  const Lock lock(device_lock());
  if (const cudaError_t error = refuse_in_capture()) return error;
  const cudaError_t pending = drain_all();
  const cudaError_t error = release(pointer, true);
  return error != cudaSuccess ? error : pending;
}

cudaError_t cudaMallocAsync(void** pointer, size_t bytes, cudaStream_t) {
  const Lock lock(device_lock());
  return allocate(pointer, bytes, true);
}

cudaError_t cudaFreeAsync(void* pointer, cudaStream_t stream) {
  const Lock lock(device_lock());
  return enqueue(stream, {[=] { return release(pointer, true); }, nullptr});
}

cudaError_t cudaMallocHost(void** pointer, size_t bytes) {
  const Lock lock(device_lock());
  if (const cudaError_t error = refuse_in_capture()) return error;
  if (lacks(Lack::page_locked_memory)) return note(cudaErrorMemoryAllocation);
  return allocate(pointer, bytes, false);
}
cudaError_t cudaHostAlloc(void** pointer, size_t bytes, unsigned) { return cudaMallocHost(pointer, bytes); }

cudaError_t cudaFreeHost(void* pointer) {
  const Lock lock(device_lock());
  const cudaError_t pending = drain_all();
  const cudaError_t error = release(pointer, false);
  return error != cudaSuccess ? error : pending;
}

cudaError_t cudaHostRegister(void* pointer, size_t bytes, unsigned) {
  const Lock lock(device_lock());
  if (bytes == 0) return note(cudaErrorInvalidValue);
  if (find(pointer, 1) != nullptr) return note(cudaErrorHostMemoryAlreadyRegistered);
  regions().all[reinterpret_cast<std::uintptr_t>(pointer)] = {bytes, false, true};
  return cudaSuccess;
}

cudaError_t cudaHostUnregister(void* pointer) {
  const Lock lock(device_lock());
  Regions& r = regions();
  const auto region = r.all.find(reinterpret_cast<std::uintptr_t>(pointer));
  if (region == r.all.end() || !region->second.registered) return note(cudaErrorHostMemoryNotRegistered);
  const cudaError_t pending = drain_all();
  r.all.erase(region);
  r.found = r.found_end = 0;
  return pending;
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  const Lock lock(device_lock());
  *total = regions().limit;
  *free = regions().limit - regions().in_use;
  return cudaSuccess;
}
