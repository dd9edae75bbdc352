// SPDX-License-Identifier: Apache-2.0
#include "tests/cuda_on_host/runtime/device_memory.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>

#include "tests/cuda_on_host/runtime/device.h"
#include "tests/cuda_on_host/runtime/memory_pools.h"
#include "tests/cuda_on_host/runtime/regions.h"
#include "tests/cuda_on_host/runtime/streams.h"

namespace transom::cuda_on_host {
namespace {

constexpr std::size_t kAlignment = 256;
constexpr int kUndefined = 0xff;
constexpr std::size_t kTotal = std::size_t{80} << 30;

struct Regions {
  std::map<std::uintptr_t, std::shared_ptr<Region>> all;  // by first address
  std::uintptr_t found = 0, found_end = 0;                // last, and reached
  std::size_t in_use = 0, limit = kTotal;                 // device memory
};

/// Never destroyed: pools may die after everything else.
Regions& regions() {
  static Regions& all = *new Regions;
  return all;
}

std::uintptr_t number(const void* address) { return reinterpret_cast<std::uintptr_t>(address); }

/// The region that has all the bytes, or null.
const Region* find(const void* address, std::size_t bytes) {
  const Regions& r = regions();
  const auto after = r.all.upper_bound(number(address));
  if (after == r.all.begin()) return nullptr;
  const auto& [start, region] = *std::prev(after);
  return number(address) + bytes > start + region->bytes ? nullptr : region.get();
}

cudaError_t allocate(void** pointer, std::size_t bytes, Memory kind) {
  *pointer = nullptr;
  if (bytes == 0) return cudaSuccess;
  const bool device = kind == Memory::device;
  if (device && !take_device_memory(bytes)) return note(cudaErrorMemoryAllocation);
  const std::shared_ptr<Region> region = add_region(bytes, kind);
  if (region == nullptr) {
    if (device) return_device_memory(bytes);
    return note(cudaErrorMemoryAllocation);
  }
  *pointer = region->first;
  return cudaSuccess;
}

cudaError_t release(void* pointer, Memory kind) {
  if (pointer == nullptr) return cudaSuccess;
  const std::shared_ptr<Region> region = region_at(pointer);
  if (region == nullptr || region->kind != kind || region->registered || region->pool != nullptr)
    return note(cudaErrorInvalidValue);
  if (kind == Memory::device) return_device_memory(region->bytes);
  remove_region(*region);
  return cudaSuccess;
}

}  // namespace

std::shared_ptr<Region> add_region(std::size_t bytes, Memory kind) {
  auto region = std::make_shared<Region>();
  if (posix_memalign(&region->first, kAlignment, bytes) != 0) return nullptr;
  std::memset(region->first, kUndefined, bytes);
  region->bytes = bytes;
  region->kind = kind;
  regions().all[number(region->first)] = region;
  return region;
}

std::shared_ptr<Region> region_at(const void* first) {
  const auto found = regions().all.find(number(first));
  return found == regions().all.end() ? nullptr : found->second;
}

void remove_region(const Region& region) {
  void* const first = region.registered ? nullptr : region.first;
  regions().found = regions().found_end = 0;
  regions().all.erase(number(region.first));
  std::free(first);
}

void set_reached(Region& region, bool reached) {
  region.reached = reached;
  regions().found = regions().found_end = 0;
}

bool take_device_memory(std::size_t bytes) {
  Regions& r = regions();
  if (r.in_use > r.limit || bytes > r.limit - r.in_use) return false;
  r.in_use += bytes;
  return true;
}

void return_device_memory(std::size_t bytes) { regions().in_use -= bytes; }

Memory memory_of(const void* address, std::size_t bytes) {
  const Region* const region = find(address, bytes);
  return region == nullptr || region->given_back ? Memory::pageable : region->kind;
}

bool is_device_memory(const void* address, std::size_t bytes) {
  Regions& r = regions();
  if (number(address) >= r.found && number(address) + bytes <= r.found_end) return true;
  const Region* const region = find(address, bytes);
  if (region == nullptr || !region->reached) return false;
  r.found = number(region->first);
  r.found_end = r.found + region->bytes;
  return true;
}

void limit_device_memory(std::size_t bytes) {
  const std::lock_guard lock(device_lock());
  regions().limit = bytes == 0 ? kTotal : bytes;
}

std::size_t device_memory_in_use() {
  const std::lock_guard lock(device_lock());
  return regions().in_use;
}

}  // namespace transom::cuda_on_host

using namespace transom::cuda_on_host;
using Lock = std::lock_guard<std::recursive_mutex>;

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  const Lock lock(device_lock());
  if (const cudaError_t error = refuse_in_capture()) return error;
  return allocate(pointer, bytes, Memory::device);
}

/// Waits for all work, as the toolkit's does, unless the memory is a pool's.
cudaError_t cudaFree(void* pointer) {
  const Lock lock(device_lock());
  if (const cudaError_t error = refuse_in_capture()) return error;
  if (const std::shared_ptr<Region> region = region_at(pointer); region != nullptr && region->pool != nullptr)
    return free_at_once(region);
  const cudaError_t pending = drain_all();
  const cudaError_t error = release(pointer, Memory::device);
  return error != cudaSuccess ? error : pending;
}

cudaError_t cudaMallocHost(void** pointer, size_t bytes) {
  const Lock lock(device_lock());
  if (const cudaError_t error = refuse_in_capture()) return error;
  if (lacks(Lack::page_locked_memory)) return note(cudaErrorMemoryAllocation);
  return allocate(pointer, bytes, Memory::pinned);
}
cudaError_t cudaHostAlloc(void** pointer, size_t bytes, unsigned) { return cudaMallocHost(pointer, bytes); }

cudaError_t cudaFreeHost(void* pointer) {
  const Lock lock(device_lock());
  const cudaError_t pending = drain_all();
  const cudaError_t error = release(pointer, Memory::pinned);
  return error != cudaSuccess ? error : pending;
}

cudaError_t cudaHostRegister(void* pointer, size_t bytes, unsigned) {
  const Lock lock(device_lock());
  if (bytes == 0) return note(cudaErrorInvalidValue);
  if (find(pointer, 1) != nullptr) return note(cudaErrorHostMemoryAlreadyRegistered);
  auto region = std::make_shared<Region>();
  region->first = pointer;
  region->bytes = bytes;
  region->kind = Memory::pinned;
  region->registered = true;
  regions().all[number(pointer)] = region;
  return cudaSuccess;
}

cudaError_t cudaHostUnregister(void* pointer) {
  const Lock lock(device_lock());
  const std::shared_ptr<Region> region = region_at(pointer);
  if (region == nullptr || !region->registered) return note(cudaErrorHostMemoryNotRegistered);
  const cudaError_t pending = drain_all();
  remove_region(*region);
  return pending;
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  const Lock lock(device_lock());
  const Regions& r = regions();
  *total = r.limit;
  *free = r.limit - std::min(r.limit, r.in_use);
  return cudaSuccess;
}
