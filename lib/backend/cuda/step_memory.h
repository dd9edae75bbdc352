// SPDX-License-Identifier: Apache-2.0
/// What the ops of a step hand to the device besides tensors: token ids, positions, tables of blocks.
///
/// A step takes its slots in order; the next step gets the same ones again, in the same places as long as it
/// asks for the same sizes. So a captured graph finds the numbers of the step that replays it where those of
/// the captured step were.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "backend/cuda/device_arena.h"

namespace transom::backend {

class StepMemory {
 public:
  explicit StepMemory(DeviceArena& arena) : arena_(arena) {}

  /// A new step begins. The device must have finished the last one.
  void restart();

  /// How often restart() was called: slots of an earlier walk are gone.
  std::uint64_t walk() const { return walk_; }

  /// Copies what `values` holds into the next slot. @return Where the device will find it once upload() was
  /// called.
  template <typename T>
  const T* put(std::span<const T> values) {
    return reinterpret_cast<const T*>(put_bytes(std::as_bytes(values)));
  }
  template <typename T>
  const T* put(const T& value) {
    return put(std::span<const T>(&value, 1));
  }

  /// Copies the slots that were taken since the last upload to the device, in the order of the stream.
  void upload(cudaStream_t stream);

 private:
  const std::byte* put_bytes(std::span<const std::byte> bytes);

  struct Chunk {
    core::Buffer host, device;
    std::size_t used = 0, uploaded = 0;
  };
  DeviceArena& arena_;
  std::vector<Chunk> chunks_;
  std::size_t current_ = 0;  // chunk that slots come from
  std::uint64_t walk_ = 0;
};

}  // namespace transom::backend
