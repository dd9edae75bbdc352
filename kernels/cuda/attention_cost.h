// SPDX-License-Identifier: Apache-2.0
/// What attention costs a device at least, for a roofline. Plain host code, for machines without a toolkit
/// too.
#pragma once

#include "kernels/common/attention_keys.h"

namespace transom::kernels::cuda {

struct AttentionCost {
  double bytes = 0;       ///< of the keys and values of the cache that are seen, and of q and dst, each once
  double operations = 0;  ///< two for each multiplication and addition of a visible (query, key) pair
};

/// At args.first_pos; pointers are not read.
inline AttentionCost attention_cost(const AttentionArgs& args) {
  const KvView& kv = args.kv;
  const int64_t end = args.first_pos + static_cast<int64_t>(args.n_tokens);
  double pairs = 0;
  for (int64_t pos = args.first_pos; pos < end; ++pos)
    pairs += static_cast<double>(KeyOrder(args, pos, pos + 1).count());
  const double keys =
      args.n_tokens > 0 ? static_cast<double>(KeyOrder(args, args.first_pos, end).count()) : 0;
  AttentionCost cost;
  cost.operations = 4 * pairs * static_cast<double>(args.n_heads * kv.head_dim);
  cost.bytes = 2 * keys * static_cast<double>(kv.n_kv_heads * kv_row_bytes(kv.type, kv.head_dim)) +
               2 * static_cast<double>(args.n_tokens * args.n_heads * kv.head_dim * sizeof(float));
  return cost;
}

}  // namespace transom::kernels::cuda
