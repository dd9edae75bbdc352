// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/backend.h"
#include "backend/cuda/device_arena.h"
#include "backend/cuda/upload_queue.h"
#include "core/thread_pool.h"
#include "kernels/common/tile_layout.h"

namespace transom::backend {

/// A weight on the device: integers in tiles for our own kernels, floats row by row for cuBLASLt.
class CudaLinear final : public PreparedLinear {
 public:
  /// Packs on the threads of `pool` and copies in the order of the arena's stream.
  CudaLinear(const LinearWeights& weights, core::ThreadPool& pool, UploadQueue& uploads, DeviceArena& arena);

  bool is_integer() const { return kernels::is_integer(tiled_.type); }
  /// Of floats only the numbers and pointers: they lie row by row.
  const kernels::TiledWeight& tiled() const { return tiled_; }
  /// [cols] or null, as LinearWeights says.
  const std::int32_t* input_order() const { return input_order_; }
  /// Whether products of many rows round activations to int8, as was asked for and 8-bit weights allow.
  bool int8_activations() const { return int8_activations_; }
  /// Of floats: [rows, cols] bf16 or f32, and the bias [rows] or null.
  bool is_bf16() const { return tiled_.type == kernels::WeightType::bf16; }
  const void* dense() const { return tiled_.data; }
  const float* bias() const { return tiled_.bias; }

 private:
  /// Where the parts lie in the one allocation, from 128-byte boundaries on.
  struct Layout {
    std::size_t values = 0, scales = 0, zeros = 0, bias = 0, order = 0, end = 0;
  };
  Layout lay_out(const LinearWeights& weights) const;
  void pack_integers(const LinearWeights& weights, const Layout& layout, core::ThreadPool& pool,
                     std::span<std::byte> to) const;
  void pack_strip(const LinearWeights& weights, const Layout& layout, std::int64_t first, std::byte* to,
                  IntegerTile tile, std::vector<float>& row) const;
  void pack_floats(const LinearWeights& weights, core::ThreadPool& pool, std::span<std::byte> to) const;

  Buffer memory_;
  kernels::TiledWeight tiled_;
  const std::int32_t* input_order_ = nullptr;
  bool int8_activations_ = false;
};

}  // namespace transom::backend
