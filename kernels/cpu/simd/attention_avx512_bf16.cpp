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

TRANSOM_ISA_BEGIN(avx512_bf16)
namespace transom::kernels::avx512_bf16 {
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
// --- in practice Zen 4 and later: others multiply bf16 pairs slowly, or by tiles
constexpr bool kFetchesNear = false;
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
// ---
#include "kernels/cpu/simd/vec_avx512_bf16-inl.h"

/// Pairs: queries and weights are rounded to bf16 as well, as the linear products round their inputs.
struct Bf16Products {
  static constexpr size_t kInputs = 2;
  static FloatVec accumulate(FloatVec sum, WordVec left, WordVec right) {
    return add_bf16_products(sum, left, right);
  }
};
// ---
#include "kernels/cpu/simd/attention_gemm-inl.h"
// ---
#include "kernels/cpu/simd/attention_rows_bf16-inl.h"
// ---
#include "kernels/cpu/simd/attention-inl.h"
}  // namespace

void attention(const AttentionArgs& args) {
  if (ByteRows::takes(args)) return attend_items<ByteRows>(args);
  Bf16Rows::takes(args) ? attend_items<Bf16Rows>(args) : attend_items(args);
}

}  // namespace transom::kernels::avx512_bf16
TRANSOM_ISA_END
