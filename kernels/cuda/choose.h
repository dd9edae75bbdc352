// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime.h>

#include "kernels/common/choose_args.h"

namespace transom::kernels::cuda {

/// Stages that at least one row needs beyond the best token. A row that does not need a stage leaves it at
/// once.
struct ChoosePlan {
  bool top_k = false, top_p = false, draw = false;
};

/// Memory of one call.
struct ChooseScratch {
  unsigned* arrivals = nullptr;  ///< [n_rows], zero before the first call and after each
  void* memory = nullptr;        ///< choose_scratch_bytes, aligned to 16
};
size_t choose_scratch_bytes(const ChooseArgs& args);

/// Contract in choose_args.h; pointers to device memory, any sizes. The ids do not depend on the order of
/// blocks: sums are of integers.
cudaError_t launch_choose(const ChooseArgs& args, const ChoosePlan& plan, const ChooseScratch& scratch,
                          cudaStream_t stream);

}  // namespace transom::kernels::cuda
