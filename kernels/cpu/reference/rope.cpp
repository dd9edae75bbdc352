// SPDX-License-Identifier: Apache-2.0
/// Rotary position embedding and its tables; contract in rope_args.h.
#include <math.h>

#include "kernels/common/rope_args.h"
#include "kernels/cpu/reference/reference.h"

namespace transom::kernels::reference {

void rope_table(const RopeTableArgs& args) {
  for (size_t token = 0; token < args.n_tokens; ++token) {
    for (size_t j = 0; j < args.half; ++j) {
      const float angle = static_cast<float>(args.positions[token]) * args.inv_freq[j];
      args.cos[token * args.half + j] = cosf(angle) * args.magnitude;
      args.sin[token * args.half + j] = sinf(angle) * args.magnitude;
    }
  }
}

void rope(const RopeArgs& args) {
  const size_t half = args.rotary_dim / 2;
  for (size_t token = 0; token < args.n_tokens; ++token) {
    const float* cos = args.cos + token * half;
    const float* sin = args.sin + token * half;
    for (size_t head = 0; head < args.n_heads; ++head) {
      float* x = args.x + token * args.row_stride + head * args.head_dim;
      for (size_t j = 0; j < half; ++j) {
        const float low = x[j];
        const float high = x[j + half];
        x[j] = low * cos[j] - high * sin[j];
        x[j + half] = high * cos[j] + low * sin[j];
      }
    }
  }
}

}  // namespace transom::kernels::reference
