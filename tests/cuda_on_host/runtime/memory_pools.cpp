// SPDX-License-Identifier: Apache-2.0
#include "tests/cuda_on_host/runtime/memory_pools.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <utility>

#include "tests/cuda_on_host/runtime/device.h"
#include "tests/cuda_on_host/runtime/streams.h"

namespace transom::cuda_on_host {

struct Pool {
  std::size_t reserved = 0, used = 0;
  std::uint64_t threshold = 0;
  bool of_device = false;                        // its default
  std::map<const Stream*, std::size_t> pending;  // given back, but their streams have not got there

  Pool() = default;
  ~Pool() { return_device_memory(reserved); }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  std::size_t idle() const { return reserved - used; }
  std::size_t pending_elsewhere(const Stream* stream) const {
    std::size_t sum = 0;
    for (const auto& [where, bytes] : pending) sum += where == stream ? 0 : bytes;
    return sum;
  }

  /// false: the device has no memory for it.
  bool take(std::size_t bytes, const Stream* stream) {
    const std::size_t elsewhere = pending_elsewhere(stream), usable = idle() - elsewhere;
    if (bytes > usable) {
      const std::size_t more = (bytes - usable + kPoolPage - 1) / kPoolPage * kPoolPage;
      if (!take_device_memory(more)) return false;
      reserved += more;
    }
    used += bytes;
    std::size_t& own = pending[stream];
    own = std::min(own, idle() - elsewhere);  // what is complete goes first
    return true;
  }
  void give_back(std::size_t bytes, const Stream* stream) {
    used -= bytes;
    pending[stream] += bytes;
  }
  void complete(std::size_t bytes, const Stream* stream) {
    std::size_t& own = pending[stream];
    own -= std::min(own, bytes);  // a later allocation of the stream may have taken it by then
    if (own == 0) pending.erase(stream);
  }
  void trim(std::size_t keep) {
    if (reserved <= keep) return;
    const std::size_t most = std::min(idle() - pending_elsewhere(nullptr), reserved - keep);
    const std::size_t back = most / kPoolPage * kPoolPage;
    reserved -= back;
    return_device_memory(back);
  }
};

namespace {

/// By their handles. One that is destroyed lives on for memory that has not come back.
std::map<const Pool*, std::shared_ptr<Pool>>& pools() {
  static auto& all = *new std::map<const Pool*, std::shared_ptr<Pool>>;
  return all;
}

std::shared_ptr<Pool> find_pool(cudaMemPool_t pool) {
  const auto found = pools().find(pool);
  return found == pools().end() ? nullptr : found->second;
}

std::size_t pieces(std::size_t bytes) { return (bytes + kPoolPiece - 1) / kPoolPiece * kPoolPiece; }

/// A stream gets to where memory was given back when this dies: its work was done, or swept away by a fault.
struct GivenBack {
  std::shared_ptr<Region> region;
  const Stream* stream;

  GivenBack(std::shared_ptr<Region> region_, const Stream* stream_)
      : region(std::move(region_)), stream(stream_) {
    region->given_back = true;
    region->pool->give_back(pieces(region->bytes), stream);
  }
  ~GivenBack() {
    remove_region(*region);
    region->pool->complete(pieces(region->bytes), stream);
  }
  GivenBack(const GivenBack&) = delete;
  GivenBack& operator=(const GivenBack&) = delete;
};

/// Memory of a graph, for as long as the graph or what was made of it lives.
struct OfGraph {
  std::shared_ptr<Region> region;

  explicit OfGraph(std::shared_ptr<Region> region_) : region(std::move(region_)) {
    region->of_graph = true;
    region->reached = false;
  }
  ~OfGraph() {
    return_device_memory(region->bytes);
    remove_region(*region);
  }
  OfGraph(const OfGraph&) = delete;
  OfGraph& operator=(const OfGraph&) = delete;
};

/// A node of a graph, whose memory is there while the graph runs.
cudaError_t allocate_in_graph(void** pointer, std::size_t bytes, cudaStream_t stream) {
  if (!take_device_memory(bytes)) return note(cudaErrorMemoryAllocation);
  const std::shared_ptr<Region> region = add_region(bytes, Memory::device);
  if (region == nullptr) {
    return_device_memory(bytes);
    return note(cudaErrorMemoryAllocation);
  }
  const auto memory = std::make_shared<OfGraph>(region);
  *pointer = memory->region->first;
  return enqueue(stream, {[memory] {
                            set_reached(*memory->region, true);
                            return cudaSuccess;
                          },
                          nullptr});
}

}  // namespace

void shrink_pools() {
  for (const auto& [handle, pool] : pools()) {
    if (pool->reserved > pool->threshold) pool->trim(pool->threshold);
  }
}

cudaError_t free_at_once(const std::shared_ptr<Region>& region) {
  if (region->given_back) return note(cudaErrorInvalidValue);
  GivenBack(region, nullptr);
  return cudaSuccess;
}

}  // namespace transom::cuda_on_host

using namespace transom::cuda_on_host;
using Lock = std::lock_guard<std::recursive_mutex>;

cudaError_t cudaMemPoolCreate(cudaMemPool_t* pool, const cudaMemPoolProps* properties) {
  const Lock lock(device_lock());
  if (lacks(Lack::memory_pools)) return note(cudaErrorNotSupported);
  if (properties->allocType != cudaMemAllocationTypePinned ||
      properties->handleTypes != cudaMemHandleTypeNone ||
      properties->location.type != cudaMemLocationTypeDevice)
    return note(cudaErrorInvalidValue);
  if (const cudaError_t error = cudaSetDevice(properties->location.id)) return error;
  const auto made = std::make_shared<Pool>();
  pools()[made.get()] = made;
  *pool = made.get();
  return cudaSuccess;
}

cudaError_t cudaMemPoolDestroy(cudaMemPool_t pool) {
  const Lock lock(device_lock());
  if (find_pool(pool) == nullptr || pool->of_device) return note(cudaErrorInvalidValue);
  pool->trim(0);
  pools().erase(pool);
  return cudaSuccess;
}

cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value) {
  const Lock lock(device_lock());
  if (find_pool(pool) == nullptr || attribute != cudaMemPoolAttrReleaseThreshold)
    return note(cudaErrorInvalidValue);
  std::memcpy(&pool->threshold, value, sizeof pool->threshold);
  return cudaSuccess;
}

cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value) {
  const Lock lock(device_lock());
  if (find_pool(pool) == nullptr) return note(cudaErrorInvalidValue);
  const std::uint64_t number = attribute == cudaMemPoolAttrReleaseThreshold     ? pool->threshold
                               : attribute == cudaMemPoolAttrReservedMemCurrent ? pool->reserved
                                                                                : pool->used;
  std::memcpy(value, &number, sizeof number);
  return cudaSuccess;
}

cudaError_t cudaMemPoolTrimTo(cudaMemPool_t pool, size_t bytes_to_keep) {
  const Lock lock(device_lock());
  if (find_pool(pool) == nullptr) return note(cudaErrorInvalidValue);
  pool->trim(bytes_to_keep);
  return cudaSuccess;
}

cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int device) {
  static cudaMemPool_t of_device = nullptr;
  const Lock lock(device_lock());
  if (const cudaError_t error = cudaSetDevice(device)) return error;
  if (of_device == nullptr) {
    const cudaMemPoolProps properties = {
        cudaMemAllocationTypePinned, cudaMemHandleTypeNone, {cudaMemLocationTypeDevice, device}};
    if (const cudaError_t error = cudaMemPoolCreate(&of_device, &properties)) return error;
    of_device->of_device = true;
  }
  *pool = of_device;
  return cudaSuccess;
}

cudaError_t cudaMallocFromPoolAsync(void** pointer, size_t bytes, cudaMemPool_t pool, cudaStream_t stream) {
  const Lock lock(device_lock());
  *pointer = nullptr;
  const std::shared_ptr<Pool> from = find_pool(pool);
  if (from == nullptr) return note(cudaErrorInvalidValue);
  if (bytes == 0) return cudaSuccess;
  Stream& at = resolve(stream);
  if (at.capture) return allocate_in_graph(pointer, bytes, stream);
  if (!from->take(pieces(bytes), &at)) return note(cudaErrorMemoryAllocation);
  const std::shared_ptr<Region> region = add_region(bytes, Memory::device);
  if (region == nullptr) {
    from->give_back(pieces(bytes), &at);
    from->complete(pieces(bytes), &at);
    return note(cudaErrorMemoryAllocation);
  }
  region->pool = from;
  region->reached = false;
  *pointer = region->first;
  return enqueue(stream, {[region] {
                            set_reached(*region, true);
                            return cudaSuccess;
                          },
                          nullptr});
}

cudaError_t cudaMallocAsync(void** pointer, size_t bytes, cudaStream_t stream) {
  cudaMemPool_t pool = nullptr;
  if (const cudaError_t error = cudaDeviceGetDefaultMemPool(&pool, 0)) return error;
  return cudaMallocFromPoolAsync(pointer, bytes, pool, stream);
}

cudaError_t cudaFreeAsync(void* pointer, cudaStream_t stream) {
  const Lock lock(device_lock());
  if (pointer == nullptr) return cudaSuccess;
  const std::shared_ptr<Region> region = region_at(pointer);
  Stream& at = resolve(stream);
  if (at.capture && (region == nullptr || !region->of_graph)) {
    at.capture->invalid = true;  // a graph frees only what it has allocated
    return note(cudaErrorInvalidValue);
  }
  if (region != nullptr && region->of_graph) {
    return enqueue(stream, {[region] {
                              set_reached(*region, false);
                              return cudaSuccess;
                            },
                            nullptr});
  }
  if (region == nullptr || region->pool == nullptr || region->given_back) return note(cudaErrorInvalidValue);
  const auto given_back = std::make_shared<GivenBack>(region, &at);
  return enqueue(stream, {[given_back] { return cudaSuccess; }, nullptr});
}
