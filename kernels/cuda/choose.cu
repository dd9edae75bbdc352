// SPDX-License-Identifier: Apache-2.0
// Tokens chosen from rows of logits, in stages; contract in choose_args.h. Each stage reads all logits of a
// row, 600 KB of the L2 cache where a vocabulary has 152k tokens, with a block for every 4096 of them, of
// which the last to finish adds up.
#include "kernels/cuda/choose.h"
#include "kernels/cuda/choose_rows.cuh"

namespace transom::kernels::cuda {
namespace {

size_t slice_count(const ChooseArgs& args) { return (args.vocab + choose::kSlice - 1) / choose::kSlice; }

}  // namespace

size_t choose_scratch_bytes(const ChooseArgs& args) {
  return args.n_rows * (sizeof(choose::State) + slice_count(args) * choose::kDigits * sizeof(uint64_t));
}

cudaError_t launch_choose(const ChooseArgs& args, const ChoosePlan& plan, const ChooseScratch& scratch,
                          cudaStream_t stream) {
  if (args.n_rows == 0 || args.vocab == 0) return cudaSuccess;
  choose::State* const states = static_cast<choose::State*>(scratch.memory);
  const choose::Arguments all{args, scratch.arrivals, states,
                              reinterpret_cast<uint64_t*>(states + args.n_rows),
                              static_cast<unsigned>(slice_count(args))};
  cudaError_t status = choose::launch_choose_best(all, stream);
  if (status == cudaSuccess && plan.top_k) status = choose::launch_choose_threshold(all, false, stream);
  if (status == cudaSuccess && plan.top_p) status = choose::launch_choose_threshold(all, true, stream);
  if (status == cudaSuccess && plan.draw) status = choose::launch_choose_draw(all, stream);
  return status;
}

}  // namespace transom::kernels::cuda
