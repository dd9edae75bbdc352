// SPDX-License-Identifier: Apache-2.0
// What VNNI adds to vec_avx512-inl.h. Textual.

/// sum + the two products of 16-bit halves of each word, as linear_integer_policies-inl.h has it.
inline WordVec add_products(WordVec sum, WordVec a, WordVec b) { return _mm512_dpwssd_epi32(sum, a, b); }
