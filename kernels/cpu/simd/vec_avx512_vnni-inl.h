// SPDX-License-Identifier: Apache-2.0
// What VNNI adds to vec_avx512-inl.h. Textual.

/// sum + the two products of 16-bit halves of each word, as linear_integer_policies-inl.h has it. (GCC 12
/// copies the sum before and after its own name for the instruction.)
inline WordVec add_products(WordVec sum, WordVec a, WordVec b) {
  asm("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
  return sum;
}
/// sum + the four products of an unsigned byte and a signed one of each word.
inline WordVec add_byte_products(WordVec sum, WordVec of_unsigned, WordVec of_signed) {
  asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(of_unsigned), "v"(of_signed));
  return sum;
}
inline __m256i load_two_quarters(const char* a, const char* b) {
  const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(a)),
                high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(b));
  return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}
/// 16 bytes from each address.
inline WordVec load_quarters(const char* a, const char* b, const char* c, const char* d) {
  return _mm512_inserti64x4(_mm512_castsi256_si512(load_two_quarters(a, b)), load_two_quarters(c, d), 1);
}
/// The same 16 bytes, four times.
inline WordVec load_to_quarters(const int8_t* p) {
  return _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
