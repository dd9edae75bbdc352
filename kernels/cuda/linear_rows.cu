// SPDX-License-Identifier: Apache-2.0
// Product of few activation rows and an integer weight in tiles; see linear_rows.cuh. The plan, and the
// kernels of all types.
#include "kernels/cuda/linear_rows.cuh"
#include "kernels/cuda/linear_rows.h"
#include "kernels/cuda/rows.cuh"

namespace transom::kernels::cuda {
namespace rows {
namespace {

template <WeightType kType>
cudaError_t launch_type(const Arguments& args, cudaStream_t stream) {
  if (args.linear.weight.groups > 1) {
    return args.linear.weight.group % kTileInputs == 0
               ? launch_fold<PackedTiles<kType>, Fold::every_64>(args, stream)
               : launch_fold<PackedTiles<kType>, Fold::every_32>(args, stream);
  }
  return launch_fold<PackedTiles<kType>, Fold::at_end>(args, stream);
}

/// Tiles of a strip whose activations and groups fit into shared memory.
unsigned tiles_that_fit(const TiledLinearArgs& args, unsigned strips) {
  const TiledWeight& weight = args.weight;
  size_t inputs = kRowHalves / args.n_rows - kRowPadding;
  if (weight.groups > 1) {
    const size_t of_fold = strips * kStripOutputs * (sizeof(float) + 1);
    const size_t by_groups = kGroupBytes / of_fold * (weight.group % kTileInputs == 0 ? 64 : 32);
    inputs = min(inputs, by_groups);
  }
  const size_t depth = weight.type == WeightType::bf16 ? kDepth<WeightType::bf16>
                       : weight.type == WeightType::i8 ? kDepth<WeightType::i8>
                                                       : kDepth<WeightType::i4>;
  const size_t step = depth * (kWarps / strips);
  return static_cast<unsigned>(inputs / kTileInputs / step * step);
}

/// The share of memory's speed that so many equal blocks leave, two at a time on a multiprocessor: one alone
/// has enough loads in flight, so that any number from one to two a multiprocessor is as good; the last round
/// of more takes half of a round at the least.
float filling(unsigned blocks, unsigned multiprocessors) {
  const float rounds = static_cast<float>(blocks) / static_cast<float>(2 * multiprocessors);
  if (rounds <= 1) return min(1.0f, 2 * rounds);
  const float last = rounds - floorf(rounds);
  return rounds / (floorf(rounds) + (last == 0 ? 0 : max(0.5f, last)));
}

}  // namespace
}  // namespace rows

LinearRowsPlan plan_linear_rows(const TiledLinearArgs& args, unsigned multiprocessors) {
  // Meeting of splits costs about a tenth of a short product.
  constexpr float kSplitCost = 0.1f;
  const size_t strips = strip_count(args.weight.n), tiles = tile_count(args.weight.k);
  LinearRowsPlan best;
  float best_share = -1;
  for (unsigned of_block = 1; of_block <= rows::kWarps; of_block *= 2) {
    // Each block reads all activations of its inputs, from the L2 cache: half as much as weights at the most.
    const bool few = of_block < rows::kWarps && of_block * weight_bits(args.weight.type) < 4 * args.n_rows;
    if (few || (args.gated && of_block == 1)) continue;
    const unsigned blocks = static_cast<unsigned>((strips + of_block - 1) / of_block);
    for (unsigned splits = 1; splits <= 8; ++splits) {
      if (splits > 1 && tiles < size_t{2} * splits * (rows::kWarps / of_block)) break;  // two tiles a warp
      const float share = rows::filling(blocks * splits, multiprocessors) - (splits > 1 ? kSplitCost : 0);
      if (share <= best_share + 1e-3f) continue;
      best_share = share;
      best = {of_block, blocks, splits, 0};
    }
  }
  const size_t longest = (tiles + best.splits - 1) / best.splits;
  best.chunk = static_cast<unsigned>(min(longest, size_t{rows::tiles_that_fit(args, best.strips)}));
  return best;
}

size_t linear_rows_sums(const TiledLinearArgs& args, unsigned multiprocessors) {
  const LinearRowsPlan plan = plan_linear_rows(args, multiprocessors);
  return plan.splits == 1 ? 0 : plan.splits * args.n_rows * args.weight.n;
}

bool takes_norm(const TiledLinearArgs& args) {
  return args.n_rows <= kMostNormedRows && !args.gated && args.weight.n % 4 == 0 &&
         rows_in_fours(args.dst, args.dst_stride) && rows_in_fours(args.norm.weight, 0) &&
         rows_in_fours(args.norm.normed, args.norm.normed_stride);
}

cudaError_t launch_linear_rows(const TiledLinearArgs& args, const SplitScratch& scratch,
                               unsigned multiprocessors, cudaStream_t stream) {
  if (args.n_rows == 0 || args.weight.n == 0) return cudaSuccess;
  const rows::Arguments all{args, plan_linear_rows(args, multiprocessors), scratch, group_index(args.weight)};
  switch (args.weight.type) {
    case WeightType::i8:
      return rows::launch_type<WeightType::i8>(all, stream);
    case WeightType::i4:
      return rows::launch_type<WeightType::i4>(all, stream);
    case WeightType::i3:
      return rows::launch_type<WeightType::i3>(all, stream);
    case WeightType::i2:
      return rows::launch_type<WeightType::i2>(all, stream);
    default:
      return cudaErrorInvalidValue;
  }
}

}  // namespace transom::kernels::cuda
