// SPDX-License-Identifier: Apache-2.0
/// The device memory of one model: a pool of its own, where allocating, zeroing and freeing are work of the
/// model's one stream, in order with its steps. So a session comes or goes without waiting for the device,
/// and without making other sessions or models wait; what it leaves serves the next one. The pool packs small
/// buffers (norms, biases) side by side into the driver's pages of 2 MB.
///
/// Buffers keep the arena alive, and it keeps pool and stream: a buffer may outlive the backend. When the
/// last of them is gone, all memory goes back to the driver.
///
/// Any thread may call anything here. Within the capture of a graph an allocation would become the graph's,
/// whichever thread made it, so who captures the stream holds the arena meanwhile.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>

#include "backend/backend.h"
#include "core/checks.h"

namespace transom::backend {

/// Made by std::make_shared.
class DeviceArena : public std::enable_shared_from_this<DeviceArena> {
 public:
  /// @throws DeviceError.
  explicit DeviceArena(int device);
  ~DeviceArena();
  DeviceArena(const DeviceArena&) = delete;
  DeviceArena& operator=(const DeviceArena&) = delete;

  /// Zeroed in the order of the stream: for work of the stream only. Where memory is short, waits for the
  /// arenas of the device and takes what they keep. @throws OutOfMemory that says how much there is and what
  /// would need less.
  core::Buffer allocate(std::size_t bytes, const char* purpose);
  /// Free is also what pools of this process keep and no buffer has.
  DeviceMemory memory() const;
  /// Calls what may want memory of the driver, and where it finds none once more, with what the arenas keep
  /// given back. It is call() that knows that it may be called again: it launches one thing, or begins anew.
  /// @return Its error, other than for want of memory. @throws OutOfMemory of `what`, as allocate().
  template <typename Call, typename... What>
  cudaError_t with_room(const Call& call, const What&... what) {
    cudaError_t status = call();
    if (status != cudaErrorMemoryAllocation) return status;
    cudaGetLastError();
    make_room();
    status = call();
    if (status == cudaErrorMemoryAllocation) throw_out_of_memory(core::message(what...));
    return status;
  }
  /// What the arenas of this device keep and do not use goes back to the driver, for other models, or for
  /// what it needs itself. Waits for their streams; not while the lock of one is held.
  void make_room();
  /// All work on this memory goes through it.
  cudaStream_t stream() const { return stream_; }
  /// While the lock lives, no other thread's memory comes or goes.
  [[nodiscard]] std::unique_lock<std::recursive_mutex> hold() { return std::unique_lock(turn_); }

 private:
  [[noreturn]] void throw_out_of_memory(const std::string& what) const;
  cudaError_t take(std::size_t bytes, core::Buffer& buffer);
  void free(std::byte* data) noexcept;

  int device_;
  cudaStream_t stream_ = nullptr;
  cudaMemPool_t pool_ = nullptr;  // null: the device has no pools, and every buffer is the driver's
  std::recursive_mutex turn_;     // at the end of the stream
};

}  // namespace transom::backend
