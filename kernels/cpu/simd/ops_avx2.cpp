// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "kernels/common/attention_keys.h"
#include "kernels/common/bf16.h"
#include "kernels/common/e4m3.h"
#include "kernels/common/linear_args.h"
#include "kernels/cpu/simd/ops.h"
#include "kernels/cpu/simd/target.h"

TRANSOM_ISA_BEGIN(avx2)
namespace transom::kernels::avx2 {
namespace {
#include "kernels/cpu/simd/vec_avx2-inl.h"
// ---
#include "kernels/cpu/simd/vec_math-inl.h"
// ---
#include "kernels/cpu/simd/linear_quantize-inl.h"
// ---
#include "kernels/cpu/simd/elementwise-inl.h"
// ---
#include "kernels/cpu/simd/attention_tile-inl.h"
// ---
constexpr bool kFetchesNear = true;
#include "kernels/cpu/simd/attention_few-inl.h"
// ---
#include "kernels/cpu/simd/linear_integer_policies-inl.h"
// ---
#include "kernels/cpu/simd/attention_rows_i8-inl.h"
// ---
#include "kernels/cpu/simd/attention_rows-inl.h"
// ---
#include "kernels/cpu/simd/attention_products-inl.h"
using Bf16Products = FloatProducts;
// ---
#include "kernels/cpu/simd/attention_gemm-inl.h"
// ---
#include "kernels/cpu/simd/attention-inl.h"
}  // namespace

void rms_norm(const RmsNormArgs& args) { rms_norm_rows(args); }
void rope(const RopeArgs& args) { rope_rows(args); }
void kv_append(const KvAppendArgs& args) { kv_append_rows(args); }
void gated_mul(const GatedMulArgs& args) { gated_mul_rows(args); }
void add(const AddArgs& args) { add_rows(args); }
void embed(const EmbedArgs& args) { embed_rows(args); }
void attention(const AttentionArgs& args) { attend_items(args); }
void attention_merge(const AttentionArgs& args) { merge_parts(args); }

}  // namespace transom::kernels::avx2
TRANSOM_ISA_END
