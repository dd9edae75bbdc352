// SPDX-License-Identifier: Apache-2.0
// What BF16 adds to vec_avx512-inl.h. Textual.

/// sum + the two products of bf16 halves of each word. The instruction counts subnormals as zeros.
inline FloatVec add_bf16_products(FloatVec sum, WordVec a, WordVec b) {
  __m512bh left, right;
  memcpy(&left, &a, sizeof left);
  memcpy(&right, &b, sizeof right);
  return _mm512_dpbf16_ps(sum, left, right);
}
