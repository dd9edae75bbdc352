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

TRANSOM_ISA_BEGIN(avx512_vnni)
namespace transom::kernels::avx512_vnni {
namespace {
#include "kernels/cpu/simd/vec_avx512-inl.h"
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
// --- in place of linear_integer_policies-inl.h
#include "kernels/cpu/simd/vec_avx512_vnni-inl.h"
// ---
#include "kernels/cpu/simd/attention_rows_i8-inl.h"
// ---
#include "kernels/cpu/simd/attention_rows-inl.h"
// ---
#include "kernels/cpu/simd/attention_row_values_bytes-inl.h"
// ---
#include "kernels/cpu/simd/attention_rows_bytes-inl.h"
// ---
#include "kernels/cpu/simd/attention_products-inl.h"
using Bf16Products = FloatProducts;
// ---
#include "kernels/cpu/simd/attention_gemm-inl.h"
// ---
#include "kernels/cpu/simd/attention-inl.h"
}  // namespace

void attention(const AttentionArgs& args) {
  ByteRows::takes(args) ? attend_items<ByteRows>(args) : attend_items(args);
}

}  // namespace transom::kernels::avx512_vnni
TRANSOM_ISA_END
