// SPDX-License-Identifier: Apache-2.0
#include "backend/cuda/device_arena.h"

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "backend/cuda/cuda_check.h"

namespace transom::backend {

namespace {

// The pool keeps all that it got. With less, the end of every step, which is a synchronisation, would hand
// what a session left to the driver, and the next session would wait until it is mapped again. That it never
// has much more than was in use at one time is what we take for granted of the driver, which maps freed pages
// anew where no stretch of them is long enough; nothing says so. make_room() is there for other models of the
// process.
constexpr std::uint64_t kKeptBytes = std::numeric_limits<std::uint64_t>::max();

/// Null where the device has none, as some virtual GPUs have none.
cudaMemPool_t make_pool(int device) {
  int supported = 0;
  cudaMemPoolProps properties = {};
  properties.allocType = cudaMemAllocationTypePinned;
  properties.handleTypes = cudaMemHandleTypeNone;
  properties.location.type = cudaMemLocationTypeDevice;
  properties.location.id = device;
  cudaMemPool_t pool = nullptr;
  if (cudaDeviceGetAttribute(&supported, cudaDevAttrMemoryPoolsSupported, device) != cudaSuccess ||
      supported == 0 || cudaMemPoolCreate(&pool, &properties) != cudaSuccess) {
    cudaGetLastError();
    return nullptr;
  }
  std::uint64_t kept = kKeptBytes;
  if (cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &kept) != cudaSuccess)
    cudaGetLastError();  // sessions are made more slowly then, and that is all
  return pool;
}

std::size_t attribute(cudaMemPool_t pool, cudaMemPoolAttr wanted) {
  std::uint64_t value = 0;
  check_cuda(cudaMemPoolGetAttribute(pool, wanted, &value), "cudaMemPoolGetAttribute");
  return value;
}

/// Those of the process that have pools. Never destroyed: buffers of static objects may die after everything
/// else. The lock comes before that of an arena.
struct Arenas {
  std::mutex mutex;
  std::vector<DeviceArena*> all;
};

Arenas& arenas() {
  static Arenas& of_process = *new Arenas;
  return of_process;
}

}  // namespace

DeviceArena::DeviceArena(int device) : device_(device) {
  check_cuda(cudaSetDevice(device), "cudaSetDevice");
  check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
  pool_ = make_pool(device);
  const std::lock_guard lock(arenas().mutex);
  if (pool_ != nullptr) arenas().all.push_back(this);
}

DeviceArena::~DeviceArena() {
  {
    const std::lock_guard lock(arenas().mutex);
    std::erase(arenas().all, this);
  }
  cudaSetDevice(device_);
  cudaStreamSynchronize(stream_);  // or the driver would get the memory at some later time
  if (pool_ != nullptr) cudaMemPoolDestroy(pool_);
  cudaStreamDestroy(stream_);
}

core::Buffer DeviceArena::allocate(std::size_t bytes, const char* purpose) {
  if (bytes == 0) return {};
  check_cuda(cudaSetDevice(device_), "cudaSetDevice");
  core::Buffer buffer;
  const cudaError_t status =
      with_room([&] { return take(bytes, buffer); }, "cannot allocate ", bytes, " bytes for ", purpose);
  check_cuda(status, "memory of the device");
  return buffer;
}

void DeviceArena::throw_out_of_memory(const std::string& what) const {
  cudaGetLastError();
  const auto [free, total] = memory();
  throw OutOfMemory(
      core::message("cuda: ", what, ": ", free, " of ", total,
                    " bytes are free; gpu_layers leaves layers to the CPU, quantization takes less "
                    "for weights, max_context, attention_window or kv_cache_dtype for the "
                    "KV cache, prefill_chunk for the workspace"));
}

cudaError_t DeviceArena::take(std::size_t bytes, core::Buffer& buffer) {
  const std::lock_guard lock(turn_);
  cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
  check_cuda(cudaStreamIsCapturing(stream_, &capture), "cudaStreamIsCapturing");
  if (capture != cudaStreamCaptureStatusNone)
    throw DeviceError("cuda: a step allocates while it is captured");
  void* data = nullptr;
  const cudaError_t status =
      pool_ != nullptr ? cudaMallocFromPoolAsync(&data, bytes, pool_, stream_) : cudaMalloc(&data, bytes);
  if (status != cudaSuccess) return status;
  buffer = core::Buffer({static_cast<std::byte*>(data),
                         [arena = shared_from_this()](std::byte* memory) { arena->free(memory); }},
                        bytes);
  return cudaMemsetAsync(data, 0, bytes, stream_);  // an earlier user's bytes may be there
}

void DeviceArena::free(std::byte* data) noexcept {
  const std::lock_guard lock(turn_);
  cudaSetDevice(device_);
  if (pool_ != nullptr) {
    cudaFreeAsync(data, stream_);
  } else {
    cudaFree(data);
  }
}

void DeviceArena::make_room() {
  const std::lock_guard lock(arenas().mutex);
  for (DeviceArena* const arena : arenas().all) {
    if (arena->device_ != device_) continue;
    const auto turn = arena->hold();
    // What was freed can leave a pool once the host has seen that the device got there.
    check_cuda(cudaStreamSynchronize(arena->stream_), "cudaStreamSynchronize");
    check_cuda(cudaMemPoolTrimTo(arena->pool_, 0), "cudaMemPoolTrimTo");
  }
}

DeviceMemory DeviceArena::memory() const {
  check_cuda(cudaSetDevice(device_), "cudaSetDevice");
  std::size_t free = 0, total = 0;
  const std::lock_guard lock(arenas().mutex);
  check_cuda(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  for (const DeviceArena* const arena : arenas().all) {
    if (arena->device_ == device_)
      free += attribute(arena->pool_, cudaMemPoolAttrReservedMemCurrent) -
              attribute(arena->pool_, cudaMemPoolAttrUsedMemCurrent);
  }
  return {static_cast<std::int64_t>(free), static_cast<std::int64_t>(total)};
}

}  // namespace transom::backend
