// SPDX-License-Identifier: Apache-2.0
/// The weights of a decoder-only transformer in the layouts of their devices.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backend/backend.h"
#include "io/file.h"
#include "model/layers/linear_layer.h"
#include "model/spec.h"

namespace transom::model {

using core::TensorView;

struct LayerWeights {
  std::int64_t device_bytes = 0;    // of the memory of a GPU, as it counts them; 0 on the CPU
  TensorView input_norm, mlp_norm;  // [hidden]
  TensorView q_norm, k_norm;        // [head_dim], with qk_norm
  LinearLayer qkv;                  // [(n_heads + 2 n_kv_heads) * head_dim, hidden]
  LinearLayer output;               // [hidden, n_heads * head_dim]
  LinearLayer gate_up;              // [2 * intermediate, hidden]
  LinearLayer down;                 // [hidden, intermediate]

  std::int64_t linear_bytes() const { return qkv.bytes() + output.bytes() + gate_up.bytes() + down.bytes(); }
};

struct ModelWeights {
  std::span<const std::byte> embedding_bytes() const {
    const auto elements = static_cast<std::size_t>(embedding.extent[0] * embedding.extent[1]);
    return {static_cast<const std::byte*>(embedding.data), elements * dtype_size(embedding.dtype)};
  }

  TensorView embedding;                            // [vocab, hidden] f32, f16 or bf16
  const io::MappedFile* embedding_file = nullptr;  // where it lies, or null: in memory of its own
  TensorView final_norm;
  LinearLayer head;  // [vocab, hidden]
  std::vector<LayerWeights> layers;

  std::int64_t parameters = 0;
  std::int64_t bytes = 0;         // resident weights
  std::int64_t decode_bytes = 0;  // read by one decode step
  bool sixteen_bit = false;       // some linear layer is stored in 16 bits or fewer

  std::vector<backend::Buffer> buffers;  // what the views point into, where it is not the source
};

/// What keys and values are kept as.
DType kv_dtype(const ModelSpec& spec, const ModelWeights& weights);

}  // namespace transom::model
