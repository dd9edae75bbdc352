// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>
#include <string.h>

#include "kernels/common/bf16.h"
#include "kernels/cpu/simd/linear.h"
#include "kernels/cpu/simd/target.h"

TRANSOM_ISA_BEGIN(avx_vnni)
namespace transom::kernels::avx_vnni {
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

/// u8 x s8 products of four inputs.
struct VnniPolicy {
  static constexpr size_t kInputs = 4, kPartWords = 1;

  static void convert(const int8_t* q, uint32_t* words) { memcpy(words, q, 64); }
  static void split(WordVec part, WordVec* words) { words[0] = part; }
  static WordVec accumulate(WordVec sum, WordVec word, WordVec weights) {
    return _mm256_dpbusd_avx_epi32(sum, weights, word);
  }
};
}  // namespace

constexpr LinearKernel kLinearI8Decode =
    integer_decode_kernel<VnniPolicy, WeightType::i8>("avx_vnni i8 decode");
constexpr LinearKernel kLinearI8Gemm = integer_gemm_kernel<VnniPolicy, WeightType::i8>("avx_vnni i8 gemm");
constexpr LinearKernel kLinearI4Decode =
    integer_decode_kernel<VnniPolicy, WeightType::i4>("avx_vnni i4 decode");
constexpr LinearKernel kLinearI4Gemm = integer_gemm_kernel<VnniPolicy, WeightType::i4>("avx_vnni i4 gemm");
constexpr LinearKernel kLinearI3Decode =
    integer_decode_kernel<VnniPolicy, WeightType::i3>("avx_vnni i3 decode");
constexpr LinearKernel kLinearI3Gemm = integer_gemm_kernel<VnniPolicy, WeightType::i3>("avx_vnni i3 gemm");
constexpr LinearKernel kLinearI2Decode =
    integer_decode_kernel<VnniPolicy, WeightType::i2>("avx_vnni i2 decode");
constexpr LinearKernel kLinearI2Gemm = integer_gemm_kernel<VnniPolicy, WeightType::i2>("avx_vnni i2 gemm");

}  // namespace transom::kernels::avx_vnni
TRANSOM_ISA_END
