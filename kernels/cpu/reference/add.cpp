// SPDX-License-Identifier: Apache-2.0
/// Sum of two arrays of rows; contract in elementwise_args.h.
#include "kernels/common/elementwise_args.h"
#include "kernels/cpu/reference/reference.h"

namespace transom::kernels::reference {

void add(const AddArgs& args) {
  for (size_t token = 0; token < args.n_tokens; ++token) {
    for (size_t i = 0; i < args.n; ++i) {
      args.dst[token * args.dst_stride + i] += args.src[token * args.src_stride + i];
    }
  }
}

}  // namespace transom::kernels::reference
