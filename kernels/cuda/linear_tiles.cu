// SPDX-License-Identifier: Apache-2.0
// Product of many activation rows and an integer weight; see linear_tiles.cuh. Launchers, and the kernels
// with half-width activations.
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/linear_tiles.cuh"
#include "kernels/cuda/linear_tiles.h"
#include "kernels/cuda/linear_tiles_int8.h"

namespace transom::kernels::cuda {
namespace tiles {
namespace {

template <WeightType kType>
cudaError_t launch_type(const Arguments& args, unsigned splits, cudaStream_t stream) {
  const Fold fold = fold_of(args.linear.weight, ActivationType::half);
  if (fold == Fold::every_32)
    return launch_shape<kType, ActivationType::half, Fold::every_32, true>(args, splits, stream);
  if (fold == Fold::every_64)
    return launch_shape<kType, ActivationType::half, Fold::every_64, true>(args, splits, stream);
  return launch_shape<kType, ActivationType::half, Fold::at_end, false>(args, splits, stream);
}

}  // namespace
}  // namespace tiles

unsigned linear_tiles_splits(const TiledLinearArgs& args, ActivationType type, unsigned multiprocessors) {
  // Splits write and read sums, 8 bytes an output and row each: more than four cost what they save.
  constexpr size_t kMostSplits = 4, kLeastTiles = 4;
  const size_t rows =
      2 * 8 * tiles::row_tiles(tiles::fold_of(args.weight, type), type == ActivationType::int8);
  const size_t blocks = (args.n_rows + rows - 1) / rows * ((strip_count(args.weight.n) + 7) / 8);
  if (blocks > strip_count(args.weight.n)) return 1;  // the counters that there are
  size_t splits = min(kMostSplits, tile_count(args.weight.k) / kLeastTiles);
  while (splits > 1 && blocks * splits > 2 * multiprocessors) --splits;
  return static_cast<unsigned>(max(splits, size_t{1}));
}

size_t linear_tiles_sums(const TiledLinearArgs& args, ActivationType type, unsigned multiprocessors) {
  const size_t splits = linear_tiles_splits(args, type, multiprocessors);
  return splits == 1 ? 0 : splits * args.n_rows * args.weight.n;
}

cudaError_t launch_linear_tiles(const TiledLinearArgs& args, const Activations& activations,
                                const SplitScratch& scratch, unsigned multiprocessors, cudaStream_t stream) {
  if (args.n_rows == 0 || args.weight.n == 0) return cudaSuccess;
  const tiles::Arguments all{args, activations, scratch, group_index(args.weight)};
  const unsigned splits = linear_tiles_splits(args, activations.type, multiprocessors);
  if (activations.type == ActivationType::int8) {
    if (args.weight.type != WeightType::i8) return cudaErrorInvalidValue;
    return tiles::launch_int8(all, splits, stream);
  }
  switch (args.weight.type) {
    case WeightType::i8:
      return tiles::launch_type<WeightType::i8>(all, splits, stream);
    case WeightType::i4:
      return tiles::launch_type<WeightType::i4>(all, splits, stream);
    case WeightType::i3:
      return tiles::launch_type<WeightType::i3>(all, splits, stream);
    case WeightType::i2:
      return tiles::launch_type<WeightType::i2>(all, splits, stream);
    default:
      return cudaErrorInvalidValue;
  }
}

}  // namespace transom::kernels::cuda
