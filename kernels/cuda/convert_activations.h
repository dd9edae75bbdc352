// SPDX-License-Identifier: Apache-2.0
/// Activations as products of many rows take them: converted once, read by every block.
#pragma once

#include <cuda_runtime.h>

#include "kernels/cuda/tiled_linear_args.h"

namespace transom::kernels::cuda {

/// What multiplies integer weights.
enum class ActivationType : uint8_t {
  half,  ///< f16 as TiledLinearArgs says; bf16 of bf16 weights, which cuBLASLt multiplies
  int8,  ///< int8 per row and group, as QuantizeRowsArgs says; 8-bit weights
};

/// Rows [n_rows][pitch], inputs in the order of the weight, zeros past the last.
struct Activations {
  ActivationType type = ActivationType::half;
  unsigned char* values = nullptr;  ///< 16-byte aligned
  size_t pitch = 0;                 ///< bytes between rows, a multiple of 128
  /// half: [n_rows], what the sums of a row are multiplied with (bf16: unused). int8: [groups][padded_rows],
  /// the scales.
  float* scales = nullptr;
  /// int8 and a weight with zero points: [k / int8_part, rounded up][padded_rows], sums of so many
  /// neighbouring integers.
  int32_t* sums = nullptr;
  size_t padded_rows = 0;  ///< n_rows up to a multiple of 8
};

/// Inputs whose int8 products are summed exactly before a scale multiplies them: a part of a group.
inline unsigned int8_part(const TiledWeight& weight) {
  if (weight.groups == 1 || weight.group % 128 == 0) return 128;
  return weight.group % 64 == 0 ? 64 : 32;
}

/// Bytes of device memory for them, and where they lie in it. memory: 128-byte aligned.
size_t activations_bytes(const TiledLinearArgs& args, ActivationType type);
Activations place_activations(const TiledLinearArgs& args, ActivationType type, void* memory);

/// Converts args.src.
cudaError_t launch_convert_activations(const TiledLinearArgs& args, const Activations& to,
                                       cudaStream_t stream);

}  // namespace transom::kernels::cuda
