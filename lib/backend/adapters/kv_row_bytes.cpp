// SPDX-License-Identifier: Apache-2.0
#include "backend/adapters/kernel_args.h"
#include "backend/backend.h"

namespace transom::backend {

// Here, where the seam's types meet those of kernels, which alone know what a row has.
std::int64_t kv_row_bytes(DType dtype, std::int64_t head_dim) {
  return static_cast<std::int64_t>(kernels::kv_row_bytes(kv_type(dtype), core::count(head_dim)));
}

}  // namespace transom::backend
