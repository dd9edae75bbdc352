// SPDX-License-Identifier: Apache-2.0
// The few vector operations that the kernel bodies are written in, for AVX-512. Textual: included inside a
// target region and namespace.

constexpr size_t kLanes = 16;  // 32-bit lanes of a vector
constexpr size_t kTileRows =
    14;  // 14 rows x 2 vectors of sums + 2 weights + 1 broadcast = 31 of 32 registers

using FloatVec = __m512;
using WordVec = __m512i;

inline FloatVec zero_f32() { return _mm512_setzero_ps(); }
inline WordVec zero_words() { return _mm512_setzero_si512(); }
inline WordVec load_words(const void* p) { return _mm512_loadu_si512(p); }
inline void store_words(void* p, WordVec v) { _mm512_storeu_si512(p, v); }
inline __mmask16 first_lanes(size_t count) { return static_cast<__mmask16>((1u << count) - 1u); }
/// The first count < kLanes lanes; the others are zero, or stay as they are in memory.
inline FloatVec load_f32_part(const float* p, size_t count) {
  return _mm512_maskz_loadu_ps(first_lanes(count), p);
}
inline void store_f32_part(float* p, FloatVec v, size_t count) {
  _mm512_mask_storeu_ps(p, first_lanes(count), v);
}
inline FloatVec load_f32(const float* p) { return _mm512_loadu_ps(p); }
inline void store_f32(float* p, FloatVec v) { _mm512_storeu_ps(p, v); }
/// v, read once: compilers like to read an operand from memory again at each use, and loads may be
/// what a loop is bound by.
template <typename Vec>
inline Vec in_register(Vec v) {
  asm("" : "+v"(v));
  return v;
}
inline FloatVec as_f32(WordVec v) { return _mm512_castsi512_ps(v); }
inline WordVec as_words(FloatVec v) { return _mm512_castps_si512(v); }
inline FloatVec set_f32(float v) { return _mm512_set1_ps(v); }
inline WordVec broadcast_word(const uint32_t* p) { return _mm512_set1_epi32(static_cast<int>(*p)); }
inline FloatVec multiply_add(FloatVec a, FloatVec b, FloatVec sum) { return _mm512_fmadd_ps(a, b, sum); }
inline FloatVec multiply(FloatVec a, FloatVec b) { return _mm512_mul_ps(a, b); }
inline FloatVec add_f32(FloatVec a, FloatVec b) { return _mm512_add_ps(a, b); }
inline FloatVec subtract(FloatVec a, FloatVec b) { return _mm512_sub_ps(a, b); }
inline FloatVec divide(FloatVec a, FloatVec b) { return _mm512_div_ps(a, b); }
/// Sum of the lanes, halves to halves.
inline float lane_sum(FloatVec v) { return _mm512_reduce_add_ps(v); }
/// The largest lane.
inline float lane_max(FloatVec v) { return _mm512_reduce_max_ps(v); }
/// The larger; b where either is not a number.
inline FloatVec larger(FloatVec a, FloatVec b) { return _mm512_max_ps(a, b); }
inline FloatVec smaller(FloatVec a, FloatVec b) { return _mm512_min_ps(a, b); }
/// v, zero in lanes where x is below the limit.
inline FloatVec zero_below(float limit, FloatVec x, FloatVec v) {
  return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, _mm512_set1_ps(limit), _CMP_NLT_UQ), v);
}
inline FloatVec negated_multiply_add(FloatVec a, FloatVec b, FloatVec c) { return _mm512_fnmadd_ps(a, b, c); }
inline FloatVec widen_bf16(const uint16_t* p) {
  return as_f32(
      _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))), 16));
}
inline FloatVec widen_f16(const uint16_t* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
/// Lower halves of the words.
inline void store_low_halves(uint16_t* p, WordVec v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(v));
}
inline WordVec shift_right_words(WordVec v, int bits) {
  return _mm512_srli_epi32(v, static_cast<unsigned>(bits));
}
/// Copies of the sign come in.
inline WordVec shift_right_signed(WordVec v, int bits) {
  return _mm512_srai_epi32(v, static_cast<unsigned>(bits));
}
inline WordVec or_words(WordVec a, WordVec b) { return _mm512_or_si512(a, b); }
/// a where v is not a number, else b.
inline WordVec select_nan(FloatVec v, WordVec a, WordVec b) {
  return _mm512_mask_blend_epi32(_mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q), b, a);
}
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
inline uint32_t lane_max_words(WordVec v) { return _mm512_reduce_max_epu32(v); }
/// kLanes integers as f32.
inline FloatVec widen_i8(const int8_t* p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}
/// 2 kLanes integers as 16-bit halves of words.
inline WordVec widen_i8_halves(const int8_t* p) {
  return _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
/// Words from -32768 to 32767.
inline void store_signed_halves(int16_t* p, WordVec v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtsepi32_epi16(v));
}
/// Words (a, b) of halves: half of them each, in an order that left_interleaved and right_interleaved undo.
inline WordVec interleave_low_halves(WordVec a, WordVec b) { return _mm512_unpacklo_epi16(a, b); }
inline WordVec interleave_high_halves(WordVec a, WordVec b) { return _mm512_unpackhi_epi16(a, b); }
/// The same of bytes.
inline WordVec interleave_low_bytes(WordVec a, WordVec b) { return _mm512_unpacklo_epi8(a, b); }
inline WordVec interleave_high_bytes(WordVec a, WordVec b) { return _mm512_unpackhi_epi8(a, b); }
inline WordVec left_interleaved(WordVec low, WordVec high) {
  return _mm512_permutex2var_epi64(low, _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), high);
}
inline WordVec right_interleaved(WordVec low, WordVec high) {
  return _mm512_permutex2var_epi64(low, _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15), high);
}
/// a's lanes, b's where the mask has a bit, plus shuffled ones.
template <WordVec (*add)(WordVec, WordVec), __mmask16 kMask>
inline WordVec add_shuffled(WordVec a, WordVec b, WordVec shuffled) {
  return add(_mm512_mask_blend_epi32(kMask, a, b), shuffled);
}
/// The steps of a sum of the lanes of each of 16 vectors: step 8 of v[i] and v[i + 8], step 4 of what that
/// made of i and i + 4, and so on to step 1. Each adds a blend of two vectors and a shuffle of both, since
/// shuffles have one port and blends two.
template <size_t kStep, WordVec (*add)(WordVec, WordVec)>
inline WordVec fold(WordVec a, WordVec b) {
  if constexpr (kStep == 8) return add_shuffled<add, 0xff00>(a, b, _mm512_shuffle_i32x4(a, b, 0x4e));
  if constexpr (kStep == 4) {
    const WordVec quarter = _mm512_setr_epi64(2, 3, 8, 9, 6, 7, 12, 13);
    return add_shuffled<add, 0xf0f0>(a, b, _mm512_permutex2var_epi64(a, quarter, b));
  }
  if constexpr (kStep == 2) {
    const WordVec pair = _mm512_setr_epi64(1, 8, 3, 10, 5, 12, 7, 14);
    return add_shuffled<add, 0xcccc>(a, b, _mm512_permutex2var_epi64(a, pair, b));
  }
  const WordVec other = _mm512_setr_epi32(1, 16, 3, 18, 5, 20, 7, 22, 9, 24, 11, 26, 13, 28, 15, 30);
  return add_shuffled<add, 0xaaaa>(a, b, _mm512_permutex2var_epi32(a, other, b));
}
/// 16 bytes from each address.
inline __m256i load_two_quarters(const char* a, const char* b) {
  const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(a)),
                high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(b));
  return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}
inline WordVec load_quarters(const char* a, const char* b, const char* c, const char* d) {
  return _mm512_inserti64x4(_mm512_castsi256_si512(load_two_quarters(a, b)), load_two_quarters(c, d), 1);
}
/// The same 16 bytes, four times.
inline WordVec load_to_quarters(const int8_t* p) {
  return _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
/// Words of one byte from each of four vectors: half of the columns, those of which bit 3 is kHalf. Sums over
/// such words of both halves are put in order by transpose_quarters.
template <size_t kHalf>
inline void interleave_rows(const WordVec* row, WordVec* words) {
  const WordVec first =
                    kHalf == 0 ? interleave_low_bytes(row[0], row[1]) : interleave_high_bytes(row[0], row[1]),
                last =
                    kHalf == 0 ? interleave_low_bytes(row[2], row[3]) : interleave_high_bytes(row[2], row[3]);
  words[0] = interleave_low_halves(first, last);
  words[1] = interleave_high_halves(first, last);
}
/// The 128-bit quarters of four vectors, transposed.
inline void transpose_quarters(FloatVec* v) {
  const FloatVec a = _mm512_shuffle_f32x4(v[0], v[1], 0x44), b = _mm512_shuffle_f32x4(v[0], v[1], 0xee),
                 c = _mm512_shuffle_f32x4(v[2], v[3], 0x44), d = _mm512_shuffle_f32x4(v[2], v[3], 0xee);
  v[0] = _mm512_shuffle_f32x4(a, c, 0x88);
  v[1] = _mm512_shuffle_f32x4(a, c, 0xdd);
  v[2] = _mm512_shuffle_f32x4(b, d, 0x88);
  v[3] = _mm512_shuffle_f32x4(b, d, 0xdd);
}
inline WordVec xor_words(WordVec a, WordVec b) { return _mm512_xor_si512(a, b); }
/// kLanes bytes as words.
inline WordVec widen_bytes(const uint8_t* p) {
  return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
/// Pairs of unsigned bytes of a times signed bytes of b, as 16-bit halves, which must hold them.
inline WordVec multiply_bytes(WordVec a, WordVec b) { return _mm512_maddubs_epi16(a, b); }
inline WordVec add_halves(WordVec a, WordVec b) { return _mm512_add_epi16(a, b); }
inline WordVec multiply_pairs(WordVec a, WordVec b) { return _mm512_madd_epi16(a, b); }
inline void store_low_bytes(int8_t* p, WordVec v) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(v));
}

/// dst [16][rows] = transposed src [rows][16], rows <= 16, strides in words; 16 rows of src must be readable.
inline void transpose_words(const uint32_t* src, size_t stride, size_t rows, uint32_t* dst,
                            size_t dst_stride) {
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
  const __mmask16 kept = first_lanes(rows);
  TRANSOM_UNROLL
  for (size_t i = 0; i < 4; ++i) {  // b[4 q + i] holds columns i, 4 + i, 8 + i, 12 + i of rows 4 q .. 4 q + 3
    const __m512i even0 = _mm512_shuffle_i32x4(b[i], b[4 + i], 0x88),
                  odd0 = _mm512_shuffle_i32x4(b[i], b[4 + i], 0xdd);
    const __m512i even1 = _mm512_shuffle_i32x4(b[8 + i], b[12 + i], 0x88);
    const __m512i odd1 = _mm512_shuffle_i32x4(b[8 + i], b[12 + i], 0xdd);
    _mm512_mask_storeu_epi32(dst + i * dst_stride, kept, _mm512_shuffle_i32x4(even0, even1, 0x88));
    _mm512_mask_storeu_epi32(dst + (4 + i) * dst_stride, kept, _mm512_shuffle_i32x4(odd0, odd1, 0x88));
    _mm512_mask_storeu_epi32(dst + (8 + i) * dst_stride, kept, _mm512_shuffle_i32x4(even0, even1, 0xdd));
    _mm512_mask_storeu_epi32(dst + (12 + i) * dst_stride, kept, _mm512_shuffle_i32x4(odd0, odd1, 0xdd));
  }
}
