// SPDX-License-Identifier: Apache-2.0
// Tokens chosen on the device: what the rows are chosen by goes up with the slots of the step, ids come down.
#include <algorithm>
#include <limits>

#include "backend/cuda/cuda_backend.h"
#include "core/count.h"
#include "kernels/common/token_weight.h"
#include "kernels/cuda/choose.h"

namespace transom::backend {

using core::count;

namespace {

kernels::ChooseRow choose_row(const TokenChoice& choice) {
  kernels::ChooseRow row;
  row.usable = static_cast<std::uint32_t>(choice.usable);
  row.sample = choice.sample ? 1 : 0;
  if (!choice.sample) return row;
  row.random = choice.random;
  // No share of 0 stands for "all": as little as there is takes one token too.
  if (choice.top_p < 1) row.top_p = std::max<std::uint64_t>(kernels::share_in_units(choice.top_p), 1);
  row.temperature = choice.temperature;
  row.min_p = choice.min_p;
  constexpr std::int64_t kMost = std::numeric_limits<std::uint32_t>::max();
  row.top_k = static_cast<std::uint32_t>(std::min(choice.top_k, kMost));
  return row;
}

}  // namespace

void CudaBackend::choose(const TensorView& logits, std::span<const TokenChoice> choices,
                         std::span<std::int32_t> ids) {
  choose_rows_.clear();
  kernels::cuda::ChoosePlan plan;
  for (const TokenChoice& choice : choices) {
    choose_rows_.push_back(choose_row(choice));
    const kernels::ChooseRow& row = choose_rows_.back();
    plan.top_k = plan.top_k || row.top_k != 0;
    plan.top_p = plan.top_p || row.top_p != 0;
    plan.draw = plan.draw || choice.sample;
  }
  kernels::ChooseArgs args;
  args.logits = logits.f32();
  args.stride = count(logits.stride[0]);
  args.n_rows = count(logits.rows());
  args.vocab = count(logits.columns());
  args.rows = steps_.memory().put(std::span<const kernels::ChooseRow>(choose_rows_));
  args.ids = static_cast<std::int32_t*>(scratch(chosen_, ids.size_bytes()));
  kernels::cuda::ChooseScratch memory;
  memory.memory = scratch(choosing_, kernels::cuda::choose_scratch_bytes(args));
  memory.arrivals = static_cast<unsigned*>(scratch(choosing_arrivals_, args.n_rows * sizeof(unsigned)));
  // Several kernels, of which the first writes all that the others begin with.
  steps_.op(
      "choose", [&](cudaStream_t stream) { return kernels::cuda::launch_choose(args, plan, memory, stream); },
      logits, args.rows, args.ids, memory.memory, plan.top_k, plan.top_p, plan.draw);
  steps_.download(ids, args.ids);
}

}  // namespace transom::backend
