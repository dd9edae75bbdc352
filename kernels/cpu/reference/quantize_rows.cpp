// SPDX-License-Identifier: Apache-2.0
/// Symmetric int8 quantisation of activation rows; contract in linear_args.h.
#include <math.h>

#include "kernels/common/linear_args.h"
#include "kernels/cpu/reference/reference.h"

namespace transom::kernels::reference {

void quantize_rows(const QuantizeRowsArgs& args) {
  for (size_t row = args.row_begin; row < args.row_end; ++row) {
    const float* src = args.src + row * args.src_stride;
    int8_t* dst = args.dst + row * args.dst_stride;
    float largest = 0;
    bool finite = true;
    for (size_t i = 0; i < args.k; ++i) {
      const float magnitude = fabsf(src[i]);
      finite = finite && isfinite(magnitude);
      if (magnitude > largest) largest = magnitude;
    }
    const bool usable = finite && largest >= kSmallestRowMaximum;
    const float factor = usable ? 127.0f / largest : 0.0f;
    for (size_t i = 0; i < args.k; ++i) {
      dst[i] = usable ? static_cast<int8_t>(nearbyintf(src[i] * factor)) : int8_t{0};
    }
    args.scale[row] = usable ? largest / 127.0f : finite ? 0.0f : NAN;
  }
}

}  // namespace transom::kernels::reference
