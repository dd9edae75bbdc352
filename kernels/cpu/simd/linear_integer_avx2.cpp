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
#include "kernels/cpu/simd/linear_integer_policies-inl.h"
}  // namespace

constexpr LinearKernel kLinearI8Decode = integer_decode_kernel<PairPolicy, WeightType::i8>("avx2 i8 decode");
constexpr LinearKernel kLinearI8Gemm = integer_gemm_kernel<PairPolicy, WeightType::i8>("avx2 i8 gemm");
constexpr LinearKernel kLinearI4Decode =
    integer_decode_kernel<NarrowPolicy, WeightType::i4>("avx2 i4 decode");
constexpr LinearKernel kLinearI4Gemm = integer_gemm_kernel<NarrowPolicy, WeightType::i4>("avx2 i4 gemm");
constexpr LinearKernel kLinearI3Decode =
    integer_decode_kernel<NarrowPolicy, WeightType::i3>("avx2 i3 decode");
constexpr LinearKernel kLinearI3Gemm = integer_gemm_kernel<NarrowPolicy, WeightType::i3>("avx2 i3 gemm");
constexpr LinearKernel kLinearI2Decode =
    integer_decode_kernel<NarrowPolicy, WeightType::i2>("avx2 i2 decode");
constexpr LinearKernel kLinearI2Gemm = integer_gemm_kernel<NarrowPolicy, WeightType::i2>("avx2 i2 gemm");

void quantize_rows(const QuantizeRowsArgs& args) { quantize_range(args); }

}  // namespace transom::kernels::avx2
TRANSOM_ISA_END
