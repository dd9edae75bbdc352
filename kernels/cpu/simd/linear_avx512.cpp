// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>
#include <string.h>

#include "kernels/common/bf16.h"
#include "kernels/cpu/simd/linear.h"
#include "kernels/cpu/simd/target.h"

TRANSOM_ISA_BEGIN(avx512)
namespace transom::kernels::avx512 {
namespace {
#include "kernels/cpu/simd/vec_avx512-inl.h"
// ---
#include "kernels/cpu/simd/linear_quantize-inl.h"
// ---
#include "kernels/cpu/simd/linear_policies-inl.h"
// ---
#include "kernels/cpu/simd/linear-inl.h"
}  // namespace

constexpr LinearKernel kLinearF32Decode = decode_kernel<F32Policy>("avx512 f32 decode");
constexpr LinearKernel kLinearF32Gemm = gemm_kernel<F32Policy>("avx512 f32 gemm");
constexpr LinearKernel kLinearBf16Decode = decode_kernel<Bf16Policy>("avx512 bf16 decode");
constexpr LinearKernel kLinearBf16Gemm = gemm_kernel<Bf16Policy>("avx512 bf16 gemm");
constexpr LinearKernel kLinearI8Decode = decode_kernel<I8PairPolicy>("avx512 i8 decode");
constexpr LinearKernel kLinearI8Gemm = gemm_kernel<I8PairPolicy>("avx512 i8 gemm");

void quantize_rows(const QuantizeRowsArgs& args) { quantize_range(args); }

}  // namespace transom::kernels::avx512
TRANSOM_ISA_END
