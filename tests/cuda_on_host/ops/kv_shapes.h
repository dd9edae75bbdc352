// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "kernels/common/attention_args.h"

namespace transom::cuda_on_host {

using kernels::KvType;
using kernels::KvView;

/// Caches of every type and layout: heads of usual and of odd sizes, a last block that is not full.
inline std::vector<KvView> kv_shapes() {
  std::vector<KvView> shapes;
  for (const KvType type : {KvType::f32, KvType::bf16, KvType::i8, KvType::e4m3}) {
    for (const std::size_t head_dim : {1, 7, 20, 64, 128, 160}) {
      KvView shape{type, nullptr, nullptr, head_dim % 3 + 1, head_dim, 100, 64};
      shapes.push_back(shape);
      shape.scales_apart = true;
      if (kernels::kv_has_scales(type)) shapes.push_back(shape);
    }
  }
  return shapes;
}

inline std::string describe(const KvView& kv) {
  return "type " + std::to_string(static_cast<int>(kv.type)) + " heads " + std::to_string(kv.n_kv_heads) +
         " of " + std::to_string(kv.head_dim) + " capacity " + std::to_string(kv.capacity) + " sinks " +
         std::to_string(kv.n_sinks) + " levels " + std::to_string(kv.n_levels) +
         (kv.scales_apart ? " scales apart" : "");
}

}  // namespace transom::cuda_on_host
