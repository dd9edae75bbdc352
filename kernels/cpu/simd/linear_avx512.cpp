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
#include "kernels/cpu/simd/linear_rows-inl.h"
// ---
#include "kernels/cpu/simd/linear_policies-inl.h"
// ---
#include "kernels/cpu/simd/linear_gemm-inl.h"
// ---
#include "kernels/cpu/simd/linear_float-inl.h"
// ---
#include "kernels/cpu/simd/linear_unpack-inl.h"
// ---
#include "kernels/cpu/simd/linear_exact-inl.h"
}  // namespace

constexpr LinearKernel kLinearF32Decode = decode_kernel<F32Policy>("avx512 f32 decode");
constexpr LinearKernel kLinearF32Gemm = gemm_kernel<F32Policy>("avx512 f32 gemm");
constexpr LinearKernel kLinearBf16Decode = decode_kernel<Bf16Policy>("avx512 bf16 decode");
constexpr LinearKernel kLinearBf16Gemm = gemm_kernel<Bf16Policy>("avx512 bf16 gemm");
constexpr LinearKernel kLinearI8Exact = gemm_kernel<ExactPolicy<WeightType::i8>>("avx512 i8 exact");
constexpr LinearKernel kLinearI4Exact = gemm_kernel<ExactPolicy<WeightType::i4>>("avx512 i4 exact");
constexpr LinearKernel kLinearI3Exact = gemm_kernel<ExactPolicy<WeightType::i3>>("avx512 i3 exact");
constexpr LinearKernel kLinearI2Exact = gemm_kernel<ExactPolicy<WeightType::i2>>("avx512 i2 exact");

}  // namespace transom::kernels::avx512
TRANSOM_ISA_END
