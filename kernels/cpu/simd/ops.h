// SPDX-License-Identifier: Apache-2.0
/// Vectorised ops beside linear.
#pragma once

#include "kernels/common/attention_args.h"
#include "kernels/common/elementwise_args.h"
#include "kernels/common/rms_norm_args.h"
#include "kernels/common/rope_args.h"

namespace transom::kernels {

namespace avx2 {
void rms_norm(const RmsNormArgs& args);
void rope(const RopeArgs& args);
void kv_append(const KvAppendArgs& args);
void gated_mul(const GatedMulArgs& args);
void add(const AddArgs& args);
void embed(const EmbedArgs& args);
void attention(const AttentionArgs& args);
void attention_merge(const AttentionArgs& args);
}  // namespace avx2

namespace avx512 {
void rms_norm(const RmsNormArgs& args);
void rope(const RopeArgs& args);
void kv_append(const KvAppendArgs& args);
void gated_mul(const GatedMulArgs& args);
void add(const AddArgs& args);
void embed(const EmbedArgs& args);
void attention(const AttentionArgs& args);
void attention_merge(const AttentionArgs& args);
}  // namespace avx512

namespace avx512_vnni {
void attention(const AttentionArgs& args);
}  // namespace avx512_vnni

namespace avx512_bf16 {
void attention(const AttentionArgs& args);
}  // namespace avx512_bf16

namespace amx {
void attention(const AttentionArgs& args);
}  // namespace amx

}  // namespace transom::kernels
