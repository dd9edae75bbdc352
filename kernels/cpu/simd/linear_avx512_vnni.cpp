// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>
#include <string.h>

#include "kernels/common/bf16.h"
#include "kernels/cpu/simd/linear.h"
#include "kernels/cpu/simd/target.h"

TRANSOM_ISA_BEGIN(avx512_vnni)
namespace transom::kernels::avx512_vnni {
namespace {
#include "kernels/cpu/simd/vec_avx512-inl.h"
// ---
#include "kernels/cpu/simd/linear_quantize-inl.h"
// ---
#include "kernels/cpu/simd/linear_policies-inl.h"
// ---
#include "kernels/cpu/simd/linear-inl.h"

/// i8 by u8 x s8 products: a word is four integers + 128; column_sum takes the excess away.
struct I8VnniPolicy : I8PairPolicy {
  static constexpr size_t kInputs = 4, kSplit = 1;
  static constexpr bool kBiased = true;

  static void convert(const float* src, size_t count, float factor, uint32_t* words) {
    quantize_piece(src, count, factor, reinterpret_cast<int8_t*>(words));
    for (size_t i = 0; i < 16; ++i) words[i] ^= 0x80808080u;
  }
  static void split(WordVec group, WordVec* parts) { parts[0] = group; }
  static Sum accumulate(Sum sum, WordVec word, WordVec weights) {
    return _mm512_dpbusd_epi32(sum, word, weights);
  }
};
}  // namespace

constexpr LinearKernel kLinearI8Decode = decode_kernel<I8VnniPolicy>("avx512_vnni i8 decode");
constexpr LinearKernel kLinearI8Gemm = gemm_kernel<I8VnniPolicy>("avx512_vnni i8 gemm");

}  // namespace transom::kernels::avx512_vnni
TRANSOM_ISA_END
