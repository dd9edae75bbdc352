// SPDX-License-Identifier: Apache-2.0
// Which group an input belongs to, without a division.
#pragma once

#include "kernels/cuda/ptx.cuh"
#include "kernels/cuda/tiled_linear_args.h"

namespace transom::kernels::cuda {

struct GroupIndex {
  unsigned inverse = 0;  // 2^31 / (blocks of 32 inputs in a group), rounded up: exact for blocks below 2^16
  unsigned last = 0;

  /// Of inputs 32 block .. 32 block + 31; those past the end belong to the last.
  __device__ __forceinline__ unsigned operator()(unsigned block) const {
    return min(static_cast<unsigned>(static_cast<uint64_t>(block) * inverse >> 31), last);
  }
};

inline GroupIndex group_index(const TiledWeight& weight) {
  GroupIndex index;
  if (weight.groups > 1) {
    index.inverse = (1u << 31) / static_cast<unsigned>(weight.group / 32) + 1;
    index.last = static_cast<unsigned>(weight.groups) - 1;
  }
  return index;
}

}  // namespace transom::kernels::cuda
