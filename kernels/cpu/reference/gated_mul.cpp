// SPDX-License-Identifier: Apache-2.0
/// The gate of the MLP; contract in elementwise_args.h.
#include <math.h>

#include "kernels/common/elementwise_args.h"
#include "kernels/cpu/reference/reference.h"

namespace transom::kernels::reference {

void gated_mul(const GatedMulArgs& args) {
  for (size_t token = 0; token < args.n_tokens; ++token) {
    const float* gate = args.src + token * args.src_stride;
    const float* up = gate + args.n;
    float* dst = args.dst + token * args.dst_stride;
    for (size_t i = 0; i < args.n; ++i) {
      const double x = static_cast<double>(gate[i]);
      dst[i] = static_cast<float>(x / (1 + exp(-x)) * static_cast<double>(up[i]));
    }
  }
}

}  // namespace transom::kernels::reference
