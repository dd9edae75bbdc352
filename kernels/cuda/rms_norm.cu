// SPDX-License-Identifier: Apache-2.0
// Root-mean-square normalisation; contract in rms_norm_args.h. A block a row, or a warp where rows are heads.
// Sums in f32.
#include "kernels/cuda/held_row.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ptx.cuh"
#include "kernels/cuda/reduce.cuh"
#include "kernels/cuda/rms_norm.h"
#include "kernels/cuda/row_norm.cuh"

namespace transom::kernels::cuda {
namespace {

struct Shared {
  float sums[BlockTeam::kThreads / kWarpLanes];
};

template <class TeamT>
__device__ __forceinline__ float team_sum(float value) {
  if constexpr (TeamT::kWarp) {
    return warp_sum(value);
  } else {
    return block_sum<TeamT::kThreads>(value, block_shared<Shared>().sums);
  }
}

template <class TeamT, int kWidth>
__global__ void __launch_bounds__(TeamT::kAllThreads) rms_norm(RmsNormArgs args) {
  const size_t row = TeamT::row();
  if (row >= args.n_tokens * args.heads) return;
  const size_t token = row / args.heads, head = row % args.heads;
  const HeldRow<TeamT, kWidth> src(args.src + token * args.src_stride + head * args.src_head_stride,
                                   args.hidden);
  float* dst = args.dst + token * args.dst_stride + head * args.dst_head_stride;
  float sum = 0;
  src.for_each([&](size_t, const Floats<kWidth>& x) { add_squares(sum, x); });
  const float factor = norm_factor(team_sum<TeamT>(sum), args.hidden, args.epsilon);
  src.for_each([&](size_t at, const Floats<kWidth>& x) {
    store_floats(dst + at, normed(x, load_floats<kWidth>(args.weight + at), factor, args.weight_offset));
  });
}

template <class TeamT, int kWidth>
cudaError_t launch_team(const RmsNormArgs& args, cudaStream_t stream) {
  return launch(rms_norm<TeamT, kWidth>, TeamT::grid(args.n_tokens * args.heads), dim3(TeamT::kAllThreads),
                TeamT::kWarp ? 0 : sizeof(Shared), stream, args);
}

}  // namespace

cudaError_t launch_rms_norm(const RmsNormArgs& args, cudaStream_t stream) {
  if (args.n_tokens == 0 || args.heads == 0 || args.hidden == 0) return cudaSuccess;
  const bool fours = args.hidden % 4 == 0 && rows_in_fours(args.src, args.src_stride) &&
                     rows_in_fours(args.dst, args.dst_stride) && rows_in_fours(args.weight, 0) &&
                     args.src_head_stride % 4 == 0 && args.dst_head_stride % 4 == 0;
  if (args.hidden <= kLongestOfWarp)
    return fours ? launch_team<WarpTeam, 4>(args, stream) : launch_team<WarpTeam, 1>(args, stream);
  return fours ? launch_team<BlockTeam, 4>(args, stream) : launch_team<BlockTeam, 1>(args, stream);
}

}  // namespace transom::kernels::cuda
