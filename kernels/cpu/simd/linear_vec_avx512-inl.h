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

/// dst [16][rows] = transposed src [rows][16], rows <= 16; 16 rows of src (stride in words) must be readable.
inline void transpose_words(const uint32_t* src, size_t stride, size_t rows, uint32_t* dst) {
  __m512i a[16], b[16];
  TRANSOM_UNROLL
  for (size_t i = 0; i < 16; ++i) a[i] = load_words(src + i * stride);
  TRANSOM_UNROLL
  for (size_t i = 0; i < 16; i += 4) {  // 2x2 blocks of words, then of pairs, in each 128-bit lane
    const __m512i low0 = _mm512_unpacklo_epi32(a[i], a[i + 1]), high0 = _mm512_unpackhi_epi32(a[i], a[i + 1]);
    const __m512i low1 = _mm512_unpacklo_epi32(a[i + 2], a[i + 3]),
                  high1 = _mm512_unpackhi_epi32(a[i + 2], a[i + 3]);
    b[i] = _mm512_unpacklo_epi64(low0, low1);
    b[i + 1] = _mm512_unpackhi_epi64(low0, low1);
    b[i + 2] = _mm512_unpacklo_epi64(high0, high1);
    b[i + 3] = _mm512_unpackhi_epi64(high0, high1);
  }
  const __mmask16 kept = static_cast<__mmask16>((1u << rows) - 1u);
  TRANSOM_UNROLL
  for (size_t i = 0; i < 4; ++i) {  // b[4 q + i] holds columns i, 4 + i, 8 + i, 12 + i of rows 4 q .. 4 q + 3
    const __m512i even0 = _mm512_shuffle_i32x4(b[i], b[4 + i], 0x88),
                  odd0 = _mm512_shuffle_i32x4(b[i], b[4 + i], 0xdd);
    const __m512i even1 = _mm512_shuffle_i32x4(b[8 + i], b[12 + i], 0x88);
    const __m512i odd1 = _mm512_shuffle_i32x4(b[8 + i], b[12 + i], 0xdd);
    _mm512_mask_storeu_epi32(dst + i * rows, kept, _mm512_shuffle_i32x4(even0, even1, 0x88));
    _mm512_mask_storeu_epi32(dst + (4 + i) * rows, kept, _mm512_shuffle_i32x4(odd0, odd1, 0x88));
    _mm512_mask_storeu_epi32(dst + (8 + i) * rows, kept, _mm512_shuffle_i32x4(even0, even1, 0xdd));
    _mm512_mask_storeu_epi32(dst + (12 + i) * rows, kept, _mm512_shuffle_i32x4(odd0, odd1, 0xdd));
  }
}
