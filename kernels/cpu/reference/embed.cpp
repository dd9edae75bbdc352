// SPDX-License-Identifier: Apache-2.0
/// Rows of an embedding table as f32; contract in elementwise_args.h.
#include "kernels/common/bf16.h"
#include "kernels/common/elementwise_args.h"
#include "kernels/cpu/reference/reference.h"

namespace transom::kernels::reference {
namespace {

float element(const EmbedArgs& args, size_t at) {
  if (args.type == TableType::f32) return static_cast<const float*>(args.table)[at];
  const uint16_t bits = static_cast<const uint16_t*>(args.table)[at];
  return args.type == TableType::bf16 ? bf16_to_f32(bits) : f16_to_f32(bits);
}

}  // namespace

void embed(const EmbedArgs& args) {
  for (size_t token = 0; token < args.n_tokens; ++token) {
    const size_t row = static_cast<size_t>(args.ids[token]) * args.hidden;
    float* dst = args.dst + token * args.dst_stride;
    for (size_t i = 0; i < args.hidden; ++i) dst[i] = element(args, row + i) * args.scale;
  }
}

}  // namespace transom::kernels::reference
