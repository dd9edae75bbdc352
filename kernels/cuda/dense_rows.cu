// SPDX-License-Identifier: Apache-2.0
// Product of few activation rows and bf16 rows as they lie; see linear_rows.cuh. A lane has the same elements
// as of a tile of tile_layout.h, outputs g and g + 8 of eight neighbouring inputs of each half, loaded from
// two rows of the weight: eight rows of 64 bytes a load of the warp, whole sectors.
#include "kernels/cuda/dense_rows.h"
#include "kernels/cuda/linear_rows.cuh"

namespace transom::kernels::cuda {
namespace rows {
namespace {

/// Tiles of 16 rows of 64 inputs, in place of PackedTiles. Inputs 2 p and 2 p + 1 of the eight of half j,
/// output g + 8 o, are word 8 j + 2 p + o, as unpack() takes them.
class DenseTiles {
 public:
  static constexpr WeightType kType = WeightType::bf16;

  __device__ __forceinline__ DenseTiles(const TiledWeight& weight, unsigned strip, unsigned first,
                                        unsigned step)
      : input_(first * kInputs + threadIdx.x % 4 * 8),
        step_(step * kInputs),
        k_(static_cast<unsigned>(weight.k)) {
#pragma unroll
    for (unsigned o = 0; o < 2; ++o) {
      // Outputs past the last are read as the last, and dropped.
      const size_t row = min(strip * kStripOutputs + threadIdx.x % kWarpLanes / 4 + 8 * o, weight.n - 1);
      rows_[o] = static_cast<const uint16_t*>(weight.data) + row * weight.k;
    }
  }

  __device__ __forceinline__ void load(uint32_t (&words)[kTileWords<kType>]) const {
#pragma unroll
    for (unsigned i = 0; i < 4; ++i) {
      const unsigned j = i / 2, o = i % 2, input = input_ + 32 * j;
      uint4 eight = make_uint4(0, 0, 0, 0);  // past the end, where activations are zero: no NaN
      if (input < k_) eight = load_streamed(reinterpret_cast<const uint4*>(rows_[o] + input));
      words[8 * j + o] = eight.x;
      words[8 * j + 2 + o] = eight.y;
      words[8 * j + 4 + o] = eight.z;
      words[8 * j + 6 + o] = eight.w;
    }
  }
  __device__ __forceinline__ void advance() { input_ += step_; }

 private:
  static constexpr unsigned kInputs = kTileInputs;
  const uint16_t* rows_[2];
  unsigned input_, step_, k_;
};

}  // namespace
}  // namespace rows

bool takes_dense_rows(const TiledWeight& weight) {
  return weight.type == WeightType::bf16 && weight.k % 8 == 0 &&
         reinterpret_cast<uintptr_t>(weight.data) % 16 == 0;
}

cudaError_t launch_dense_rows(const TiledLinearArgs& args, const SplitScratch& scratch,
                              unsigned multiprocessors, cudaStream_t stream) {
  if (args.n_rows == 0 || args.weight.n == 0) return cudaSuccess;
  if (!takes_dense_rows(args.weight)) return cudaErrorInvalidValue;
  const rows::Arguments all{args, plan_linear_rows(args, multiprocessors), scratch, {}};
  return rows::launch_fold<rows::DenseTiles, rows::Fold::at_end>(all, stream);
}

}  // namespace transom::kernels::cuda
