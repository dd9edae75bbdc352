// SPDX-License-Identifier: Apache-2.0
// The vector words of linear-inl.h in AVX-512. Textual: included inside a target region and namespace.

constexpr size_t kLanes = 16;  // 32-bit lanes of a vector
constexpr size_t kTileRows =
    14;  // 14 rows x 2 vectors of sums + 2 weights + 1 broadcast = 31 of 32 registers

using FloatVec = __m512;
using WordVec = __m512i;

inline FloatVec zero_f32() { return _mm512_setzero_ps(); }
inline WordVec zero_words() { return _mm512_setzero_si512(); }
inline WordVec load_words(const void* p) { return _mm512_loadu_si512(p); }
inline void store_words(void* p, WordVec v) { _mm512_storeu_si512(p, v); }
inline FloatVec load_f32(const float* p) { return _mm512_loadu_ps(p); }
inline void store_f32(float* p, FloatVec v) { _mm512_storeu_ps(p, v); }
inline FloatVec as_f32(WordVec v) { return _mm512_castsi512_ps(v); }
inline WordVec as_words(FloatVec v) { return _mm512_castps_si512(v); }
inline FloatVec set_f32(float v) { return _mm512_set1_ps(v); }
inline WordVec broadcast_word(const uint32_t* p) { return _mm512_set1_epi32(static_cast<int>(*p)); }
inline FloatVec multiply_add(FloatVec a, FloatVec b, FloatVec sum) { return _mm512_fmadd_ps(a, b, sum); }
inline FloatVec multiply(FloatVec a, FloatVec b) { return _mm512_mul_ps(a, b); }
inline FloatVec add_f32(FloatVec a, FloatVec b) { return _mm512_add_ps(a, b); }
inline FloatVec to_f32(WordVec v) { return _mm512_cvtepi32_ps(v); }
inline WordVec to_nearest(FloatVec v) { return _mm512_cvtps_epi32(v); }
inline WordVec subtract_words(WordVec a, WordVec b) { return _mm512_sub_epi32(a, b); }
inline WordVec add_words(WordVec a, WordVec b) { return _mm512_add_epi32(a, b); }
inline WordVec shift_left_words(WordVec v, int bits) {
  return _mm512_slli_epi32(v, static_cast<unsigned>(bits));
}
inline WordVec and_words(WordVec a, WordVec b) { return _mm512_and_si512(a, b); }
inline WordVec set_words(uint32_t v) { return _mm512_set1_epi32(static_cast<int>(v)); }
inline WordVec max_words(WordVec a, WordVec b) { return _mm512_max_epu32(a, b); }
inline WordVec even_bytes_i16(WordVec v) { return _mm512_srai_epi16(_mm512_slli_epi16(v, 8), 8); }
inline WordVec odd_bytes_i16(WordVec v) { return _mm512_srai_epi16(v, 8); }
inline WordVec multiply_pairs(WordVec a, WordVec b) { return _mm512_madd_epi16(a, b); }
inline void store_low_bytes(int8_t* p, WordVec v) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(v));
}
