// SPDX-License-Identifier: Apache-2.0
// Product of many int8 activation rows and an 8-bit weight; see linear_tiles.cuh.
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/linear_tiles.cuh"
#include "kernels/cuda/linear_tiles_int8.h"

namespace transom::kernels::cuda::tiles {

cudaError_t launch_int8(const Arguments& args, unsigned splits, cudaStream_t stream) {
  constexpr WeightType kType = WeightType::i8;
  constexpr ActivationType kInt8 = ActivationType::int8;
  switch (fold_of(args.linear.weight, kInt8)) {
    case Fold::at_end:
      return launch_shape<kType, kInt8, Fold::at_end, false>(args, splits, stream);
    case Fold::every_128:
      return args.linear.weight.zero != nullptr
                 ? launch_shape<kType, kInt8, Fold::every_128, true>(args, splits, stream)
                 : launch_shape<kType, kInt8, Fold::every_128, false>(args, splits, stream);
    // Groups that few weights have: without zero points these subtract nothing.
    case Fold::every_64:
      return launch_shape<kType, kInt8, Fold::every_64, true>(args, splits, stream);
    default:
      return launch_shape<kType, kInt8, Fold::every_32, true>(args, splits, stream);
  }
}

}  // namespace transom::kernels::cuda::tiles
