// SPDX-License-Identifier: Apache-2.0
// The few vector operations that the kernel bodies are written in, for AVX2. Textual: included inside a
// target region and namespace.

constexpr size_t kLanes = 8;     // 32-bit lanes of a vector
constexpr size_t kTileRows = 6;  // 6 rows x 2 vectors of sums + 2 weights + 1 broadcast = 15 of 16 registers

using FloatVec = __m256;
using WordVec = __m256i;

inline FloatVec zero_f32() { return _mm256_setzero_ps(); }
inline WordVec zero_words() { return _mm256_setzero_si256(); }
inline WordVec load_words(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
inline void store_words(void* p, WordVec v) { _mm256_storeu_si256(static_cast<__m256i*>(p), v); }
inline WordVec first_lanes(size_t count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)),
                            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
/// The first count < kLanes lanes; the others are zero, or stay as they are in memory.
inline FloatVec load_f32_part(const float* p, size_t count) {
  return _mm256_maskload_ps(p, first_lanes(count));
}
inline void store_f32_part(float* p, FloatVec v, size_t count) {
  _mm256_maskstore_ps(p, first_lanes(count), v);
}
inline FloatVec load_f32(const float* p) { return _mm256_loadu_ps(p); }
inline void store_f32(float* p, FloatVec v) { _mm256_storeu_ps(p, v); }
/// v, read once: compilers like to read an operand from memory again at each use, and loads may be
/// what a loop is bound by.
template <typename Vec>
inline Vec in_register(Vec v) {
  asm("" : "+x"(v));
  return v;
}
inline FloatVec as_f32(WordVec v) { return _mm256_castsi256_ps(v); }
inline WordVec as_words(FloatVec v) { return _mm256_castps_si256(v); }
inline FloatVec set_f32(float v) { return _mm256_set1_ps(v); }
inline WordVec broadcast_word(const uint32_t* p) { return _mm256_set1_epi32(static_cast<int>(*p)); }
inline FloatVec multiply_add(FloatVec a, FloatVec b, FloatVec sum) { return _mm256_fmadd_ps(a, b, sum); }
inline FloatVec multiply(FloatVec a, FloatVec b) { return _mm256_mul_ps(a, b); }
inline FloatVec add_f32(FloatVec a, FloatVec b) { return _mm256_add_ps(a, b); }
inline FloatVec subtract(FloatVec a, FloatVec b) { return _mm256_sub_ps(a, b); }
inline FloatVec divide(FloatVec a, FloatVec b) { return _mm256_div_ps(a, b); }
/// Sum of the lanes, halves to halves.
inline float lane_sum(FloatVec v) {
  const __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  const __m128 quarter = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(quarter, _mm_movehdup_ps(quarter)));
}
/// The largest lane.
inline float lane_max(FloatVec v) {
  const __m128 half = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  const __m128 quarter = _mm_max_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_max_ss(quarter, _mm_movehdup_ps(quarter)));
}
/// The larger; b where either is not a number.
inline FloatVec larger(FloatVec a, FloatVec b) { return _mm256_max_ps(a, b); }
inline FloatVec smaller(FloatVec a, FloatVec b) { return _mm256_min_ps(a, b); }
/// v, zero in lanes where x is below the limit.
inline FloatVec zero_below(float limit, FloatVec x, FloatVec v) {
  return _mm256_and_ps(_mm256_cmp_ps(x, _mm256_set1_ps(limit), _CMP_NLT_UQ), v);
}
inline FloatVec negated_multiply_add(FloatVec a, FloatVec b, FloatVec c) { return _mm256_fnmadd_ps(a, b, c); }
inline FloatVec widen_bf16(const uint16_t* p) {
  return as_f32(
      _mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))), 16));
}
inline FloatVec widen_f16(const uint16_t* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
/// Lower halves of the words, which must be below 2^16.
inline void store_low_halves(uint16_t* p, WordVec v) {
  const __m128i halves = _mm_packus_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), halves);
}
inline WordVec shift_right_words(WordVec v, int bits) { return _mm256_srli_epi32(v, bits); }
/// Copies of the sign come in.
inline WordVec shift_right_signed(WordVec v, int bits) { return _mm256_srai_epi32(v, bits); }
inline WordVec or_words(WordVec a, WordVec b) { return _mm256_or_si256(a, b); }
/// a where v is not a number, else b.
inline WordVec select_nan(FloatVec v, WordVec a, WordVec b) {
  return _mm256_blendv_epi8(b, a, as_words(_mm256_cmp_ps(v, v, _CMP_UNORD_Q)));
}
inline FloatVec to_f32(WordVec v) { return _mm256_cvtepi32_ps(v); }
inline WordVec to_nearest(FloatVec v) { return _mm256_cvtps_epi32(v); }
inline WordVec subtract_words(WordVec a, WordVec b) { return _mm256_sub_epi32(a, b); }
inline WordVec add_words(WordVec a, WordVec b) { return _mm256_add_epi32(a, b); }
inline WordVec shift_left_words(WordVec v, int bits) { return _mm256_slli_epi32(v, bits); }
inline WordVec and_words(WordVec a, WordVec b) { return _mm256_and_si256(a, b); }
inline WordVec set_words(uint32_t v) { return _mm256_set1_epi32(static_cast<int>(v)); }
inline WordVec max_words(WordVec a, WordVec b) { return _mm256_max_epu32(a, b); }
inline uint32_t lane_max_words(WordVec v) {
  const __m128i half = _mm_max_epu32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  const __m128i quarter = _mm_max_epu32(half, _mm_shuffle_epi32(half, 0x4e));
  const __m128i lane = _mm_max_epu32(quarter, _mm_shuffle_epi32(quarter, 0xb1));
  return static_cast<uint32_t>(_mm_cvtsi128_si32(lane));
}
/// kLanes integers as f32.
inline FloatVec widen_i8(const int8_t* p) {
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
}
/// 2 kLanes integers as 16-bit halves of words.
inline WordVec widen_i8_halves(const int8_t* p) {
  return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
/// Words from -32768 to 32767.
inline void store_signed_halves(int16_t* p, WordVec v) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p),
                   _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1)));
}
/// Words (a, b) of halves: half of them each, in an order that left_interleaved and right_interleaved undo.
inline WordVec interleave_low_halves(WordVec a, WordVec b) { return _mm256_unpacklo_epi16(a, b); }
inline WordVec interleave_high_halves(WordVec a, WordVec b) { return _mm256_unpackhi_epi16(a, b); }
inline WordVec left_interleaved(WordVec low, WordVec high) {
  return _mm256_permute2x128_si256(low, high, 0x20);
}
inline WordVec right_interleaved(WordVec low, WordVec high) {
  return _mm256_permute2x128_si256(low, high, 0x31);
}
/// The steps of a sum of the lanes of each of 8 vectors: step 4 of v[i] and v[i + 4], step 2 of what that
/// made of i and i + 2, step 1 of what that made of i and i + 1. Each adds a blend of two vectors and a
/// shuffle of both.
template <size_t kStep, WordVec (*add)(WordVec, WordVec)>
inline WordVec fold(WordVec a, WordVec b) {
  if constexpr (kStep == 4) return add(_mm256_blend_epi32(a, b, 0xf0), _mm256_permute2x128_si256(a, b, 0x21));
  if constexpr (kStep == 2)
    return add(_mm256_blend_epi32(a, b, 0xcc), _mm256_shuffle_epi32(_mm256_blend_epi32(b, a, 0xcc), 0x4e));
  return add(_mm256_blend_epi32(a, b, 0xaa), _mm256_shuffle_epi32(_mm256_blend_epi32(b, a, 0xaa), 0xb1));
}
inline WordVec xor_words(WordVec a, WordVec b) { return _mm256_xor_si256(a, b); }
/// kLanes bytes as words.
inline WordVec widen_bytes(const uint8_t* p) {
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
}
/// Pairs of unsigned bytes of a times signed bytes of b, as 16-bit halves, which must hold them.
inline WordVec multiply_bytes(WordVec a, WordVec b) { return _mm256_maddubs_epi16(a, b); }
inline WordVec add_halves(WordVec a, WordVec b) { return _mm256_add_epi16(a, b); }
inline WordVec multiply_pairs(WordVec a, WordVec b) { return _mm256_madd_epi16(a, b); }
inline void store_low_bytes(int8_t* p, WordVec v) {
  const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(words, words));
}

/// dst [8][rows] = transposed src [rows][8], rows <= 8, strides in words; 8 rows of src must be readable.
inline void transpose_words(const uint32_t* src, size_t stride, size_t rows, uint32_t* dst,
                            size_t dst_stride) {
  __m256i a[8], b[8];
  TRANSOM_UNROLL
  for (size_t i = 0; i < 8; ++i) a[i] = load_words(src + i * stride);
  TRANSOM_UNROLL
  for (size_t i = 0; i < 8; i += 4) {  // 2x2 blocks of words, then of pairs, in each 128-bit lane
    const __m256i low0 = _mm256_unpacklo_epi32(a[i], a[i + 1]), high0 = _mm256_unpackhi_epi32(a[i], a[i + 1]);
    const __m256i low1 = _mm256_unpacklo_epi32(a[i + 2], a[i + 3]),
                  high1 = _mm256_unpackhi_epi32(a[i + 2], a[i + 3]);
    b[i] = _mm256_unpacklo_epi64(low0, low1);
    b[i + 1] = _mm256_unpackhi_epi64(low0, low1);
    b[i + 2] = _mm256_unpacklo_epi64(high0, high1);
    b[i + 3] = _mm256_unpackhi_epi64(high0, high1);
  }
  const __m256i kept = first_lanes(rows);
  const auto store = [&](size_t column, __m256i v) {
    uint32_t* to = dst + column * dst_stride;
    if (rows == 8) return store_words(to, v);  // a masked store takes ten times as long on AMD's cores
    _mm256_maskstore_epi32(reinterpret_cast<int*>(to), kept, v);
  };
  TRANSOM_UNROLL
  for (size_t i = 0; i < 4; ++i) {  // b[4 q + i] holds columns i, 4 + i of rows 4 q .. 4 q + 3
    store(i, _mm256_permute2x128_si256(b[i], b[4 + i], 0x20));
    store(4 + i, _mm256_permute2x128_si256(b[i], b[4 + i], 0x31));
  }
}
