// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>
#include <string.h>

#include "kernels/common/bf16.h"
#include "kernels/cpu/simd/linear.h"
#include "kernels/cpu/simd/target.h"

TRANSOM_ISA_BEGIN(amx)
namespace transom::kernels::amx {
namespace {
#include "kernels/cpu/simd/vec_avx512-inl.h"
// ---
#include "kernels/cpu/simd/linear_quantize-inl.h"
// ---
#include "kernels/cpu/simd/linear_rows-inl.h"
// ---
#include "kernels/cpu/simd/linear_gemm-inl.h"
// ---
#include "kernels/cpu/simd/linear_unpack-inl.h"
// ---
#include "kernels/cpu/simd/linear_integer-inl.h"
// ---
#include "kernels/cpu/simd/linear_integer_decode-inl.h"
// ---
#include "kernels/cpu/simd/linear_integer_gemm-inl.h"
// ---
#include "kernels/cpu/simd/tiles_amx-inl.h"
// ---
#include "kernels/cpu/simd/linear_integer_tiles-inl.h"
}  // namespace

constexpr LinearKernel kLinearI8Gemm = tile_gemm_kernel<WeightType::i8>("amx i8 gemm");
constexpr LinearKernel kLinearI4Gemm = tile_gemm_kernel<WeightType::i4>("amx i4 gemm");
constexpr LinearKernel kLinearI3Gemm = tile_gemm_kernel<WeightType::i3>("amx i3 gemm");
constexpr LinearKernel kLinearI2Gemm = tile_gemm_kernel<WeightType::i2>("amx i2 gemm");

}  // namespace transom::kernels::amx
TRANSOM_ISA_END
