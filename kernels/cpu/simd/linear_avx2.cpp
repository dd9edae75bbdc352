// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>
#include <string.h>

#include "kernels/common/bf16.h"
#include "kernels/cpu/simd/linear.h"
#include "kernels/cpu/simd/target.h"

TRANSOM_ISA_BEGIN(avx2)
namespace transom::kernels::avx2 {
namespace {
#include "kernels/cpu/simd/vec_avx2-inl.h"
// ---
#include "kernels/cpu/simd/linear_quantize-inl.h"
// ---
#include "kernels/cpu/simd/linear_policies-inl.h"
// ---
#include "kernels/cpu/simd/linear-inl.h"
}  // namespace

constexpr LinearKernel kLinearF32Decode = decode_kernel<F32Policy>("avx2 f32 decode");
constexpr LinearKernel kLinearF32Gemm = gemm_kernel<F32Policy>("avx2 f32 gemm");
constexpr LinearKernel kLinearBf16Decode = decode_kernel<Bf16Policy>("avx2 bf16 decode");
constexpr LinearKernel kLinearBf16Gemm = gemm_kernel<Bf16Policy>("avx2 bf16 gemm");
constexpr LinearKernel kLinearI8Decode = decode_kernel<I8PairPolicy>("avx2 i8 decode");
constexpr LinearKernel kLinearI8Gemm = gemm_kernel<I8PairPolicy>("avx2 i8 gemm");

void quantize_rows(const QuantizeRowsArgs& args) { quantize_range(args); }

}  // namespace transom::kernels::avx2
TRANSOM_ISA_END
