// SPDX-License-Identifier: Apache-2.0
/// Root-mean-square normalisation; contract in rms_norm_args.h. f64 sum of squares.
#include <math.h>

#include "kernels/common/rms_norm_args.h"
#include "kernels/cpu/reference/reference.h"

namespace transom::kernels::reference {

void rms_norm(const RmsNormArgs& args) {
  for (size_t token = 0; token < args.n_tokens; ++token) {
    const float* src = args.src + token * args.src_stride;
    float* dst = args.dst + token * args.dst_stride;
    double squares = 0;
    for (size_t i = 0; i < args.hidden; ++i)
      squares += static_cast<double>(src[i]) * static_cast<double>(src[i]);
    const double mean = squares / static_cast<double>(args.hidden);
    const float factor = static_cast<float>(1 / sqrt(mean + static_cast<double>(args.epsilon)));
    for (size_t i = 0; i < args.hidden; ++i) dst[i] = src[i] * factor * (args.weight[i] + args.weight_offset);
  }
}

}  // namespace transom::kernels::reference
