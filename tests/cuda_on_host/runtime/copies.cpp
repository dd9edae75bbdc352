// SPDX-License-Identifier: Apache-2.0
/// Copies and fills, with their directions and ends checked.
#include <cstring>
#include <vector>

#include "tests/cuda_on_host/engine/failures.h"
#include "tests/cuda_on_host/runtime/device_memory.h"
#include "tests/cuda_on_host/runtime/streams.h"

using namespace transom::cuda_on_host;
using Lock = std::lock_guard<std::recursive_mutex>;

namespace {

struct Rows {
  std::size_t bytes, rows, to_pitch, from_pitch;
  std::size_t to_extent() const { return rows == 0 || bytes == 0 ? 0 : (rows - 1) * to_pitch + bytes; }
  std::size_t from_extent() const { return rows == 0 || bytes == 0 ? 0 : (rows - 1) * from_pitch + bytes; }
};

cudaError_t refuse(const char* what) {
  report_failure(what);
  return note(cudaErrorInvalidValue);
}

/// A device side that is no device memory is an error of the toolkit's too; a host side that is device memory
/// would end the program.
cudaError_t check_sides(const void* to, std::size_t to_bytes, const void* from, std::size_t from_bytes,
                        cudaMemcpyKind kind) {
  const bool to_device = memory_of(to, to_bytes) == Memory::device;
  const bool from_device = memory_of(from, from_bytes) == Memory::device;
  if (kind == cudaMemcpyDefault) return cudaSuccess;
  if (to_device != (kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice))
    return refuse("cudaMemcpy: the destination, or its end, is not where the direction says");
  if (from_device != (kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice))
    return refuse("cudaMemcpy: the source, or its end, is not where the direction says");
  return cudaSuccess;
}

/// For when the work runs: memory that calls may name need not be there yet, or still.
struct Ends {
  const void* to;
  const void* from;  // or null
  std::size_t to_bytes, from_bytes;
  bool check_to = memory_of(to, to_bytes) == Memory::device;
  bool check_from = from != nullptr && memory_of(from, from_bytes) == Memory::device;

  cudaError_t check() const {
    if ((!check_to || is_device_memory(to, to_bytes)) && (!check_from || is_device_memory(from, from_bytes)))
      return cudaSuccess;
    report_failure(
        "cudaMemcpy or cudaMemset: the stream of the memory has not got to its allocation, or has freed it");
    return cudaErrorIllegalAddress;
  }
};

void copy_rows(void* to, const void* from, const Rows& rows) {
  for (std::size_t row = 0; row < rows.rows; ++row)
    std::memcpy(static_cast<char*>(to) + row * rows.to_pitch,
                static_cast<const char*>(from) + row * rows.from_pitch, rows.bytes);
}

cudaError_t copy(void* to, const void* from, const Rows& rows, cudaMemcpyKind kind, cudaStream_t stream) {
  const std::size_t from_extent = rows.from_extent();
  if (from_extent == 0) return cudaSuccess;
  if (const cudaError_t error = check_sides(to, rows.to_extent(), from, from_extent, kind)) return error;
  const bool captured = resolve(stream).capture != nullptr;
  if (!captured && memory_of(from, from_extent) == Memory::pageable) {
    const auto* first = static_cast<const char*>(from);
    const Ends ends{to, nullptr, rows.to_extent(), 0};
    return enqueue(stream, {[=, staged = std::vector<char>(first, first + from_extent)] {
                              const cudaError_t there = ends.check();
                              if (there == cudaSuccess) copy_rows(to, staged.data(), rows);
                              return there;
                            },
                            nullptr});
  }
  const Ends ends{to, from, rows.to_extent(), from_extent};
  const cudaError_t error = enqueue(stream, {[=] {
                                               const cudaError_t there = ends.check();
                                               if (there == cudaSuccess) copy_rows(to, from, rows);
                                               return there;
                                             },
                                             nullptr});
  if (error != cudaSuccess || captured) return error;
  return memory_of(to, rows.to_extent()) == Memory::pageable ? drain(resolve(stream)) : cudaSuccess;
}

}  // namespace

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  const Lock lock(device_lock());
  return copy(to, from, {bytes, 1, bytes, bytes}, kind, stream);
}

cudaError_t cudaMemcpy2DAsync(void* to, size_t to_pitch, const void* from, size_t from_pitch,
                              size_t row_bytes, size_t rows, cudaMemcpyKind kind, cudaStream_t stream) {
  const Lock lock(device_lock());
  if (row_bytes > to_pitch || row_bytes > from_pitch) return note(cudaErrorInvalidValue);
  return copy(to, from, {row_bytes, rows, to_pitch, from_pitch}, kind, stream);
}

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  const Lock lock(device_lock());
  if (const cudaError_t error = refuse_in_capture()) return error;
  if (const cudaError_t error = copy(to, from, {bytes, 1, bytes, bytes}, kind, nullptr)) return error;
  return drain(resolve(nullptr));
}

cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
  const Lock lock(device_lock());
  if (bytes == 0) return cudaSuccess;
  if (memory_of(to, bytes) == Memory::pageable) return refuse("cudaMemset outside of device memory");
  const Ends ends{to, nullptr, bytes, 0};
  return enqueue(stream, {[=] {
                            const cudaError_t there = ends.check();
                            if (there == cudaSuccess) std::memset(to, value, bytes);
                            return there;
                          },
                          nullptr});
}

cudaError_t cudaMemset(void* to, int value, size_t bytes) {
  if (const cudaError_t error = cudaMemsetAsync(to, value, bytes, nullptr)) return error;
  return cudaStreamSynchronize(nullptr);
}
