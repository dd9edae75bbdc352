// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>
#include <string.h>

#include "kernels/common/bf16.h"
#include "kernels/cpu/simd/linear.h"
#include "kernels/cpu/simd/target.h"

TRANSOM_ISA_BEGIN(avx512_bf16)
namespace transom::kernels::avx512_bf16 {
namespace {
#include "kernels/cpu/simd/vec_avx512-inl.h"
// ---
#include "kernels/cpu/simd/vec_avx512_bf16-inl.h"
// ---
#include "kernels/cpu/simd/linear_rows-inl.h"
// ---
#include "kernels/cpu/simd/linear_policies-inl.h"
// ---
#include "kernels/cpu/simd/linear_gemm-inl.h"
// ---
#include "kernels/cpu/simd/linear_float-inl.h"

/// bf16 products of pairs: the rows are rounded to bf16 as well.
struct Bf16PairPolicy : F32Policy {
  static constexpr WeightType kType = WeightType::bf16;
  static constexpr size_t kInputs = 2;

  static void convert(const float* src, size_t count, uint32_t* words) {
    uint16_t rounded[64];
    for (size_t i = 0; i < count; ++i) rounded[i] = f32_to_bf16(src[i]);
    for (size_t i = count; i < 64; ++i) rounded[i] = 0;
    memcpy(words, rounded, sizeof rounded);
  }
  static void stage(const PackedWeight& w, size_t panel, size_t slice, size_t first, size_t end,
                    uint32_t* dst) {
    stage_split<Bf16PairPolicy>(w, panel, slice, first, end, dst);
  }
  static FloatVec accumulate(FloatVec sum, WordVec word, WordVec weights) {
    return add_bf16_products(sum, word, weights);
  }
};
}  // namespace

constexpr LinearKernel kLinearBf16Decode = decode_kernel<Bf16PairPolicy>("avx512_bf16 bf16 decode");
constexpr LinearKernel kLinearBf16Gemm = gemm_kernel<Bf16PairPolicy>("avx512_bf16 bf16 gemm");

}  // namespace transom::kernels::avx512_bf16
TRANSOM_ISA_END
