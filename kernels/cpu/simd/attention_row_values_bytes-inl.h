// SPDX-License-Identifier: Apache-2.0
// Sums of few rows over i8 values by products of bytes: half the instructions of products of 16-bit halves
// (attention_rows_i8-inl.h). Weights are rounded to 8 bits of the largest of their row and run, each with the
// scale of its value. Textual; needs vec_avx512_vnni-inl.h and attention_rows_i8-inl.h.
//
// A word holds one column of four keys. A block of columns makes four vectors of words, in an order of
// columns that is undone once, for the sums of all runs. A sum is at most 64 * 255 * 127, which an f32 holds.

constexpr size_t kKeysOfWord = 4, kBlockColumns = kKeysOfWord * kLanes;
static_assert(kKeyTile % kKeysOfWord == 0);

/// Half of a block of four keys: its columns of which bit 3 is kHalf, as words.
template <size_t kHalf>
TRANSOM_INLINE void interleave_keys(const WordVec* key, WordVec* words) {
  WordVec pair[2];
  TRANSOM_UNROLL
  for (size_t i = 0; i < 2; ++i) {
    pair[i] = kHalf == 0 ? interleave_low_bytes(key[2 * i], key[2 * i + 1])
                         : interleave_high_bytes(key[2 * i], key[2 * i + 1]);
  }
  words[0] = interleave_low_halves(pair[0], pair[1]);
  words[1] = interleave_high_halves(pair[0], pair[1]);
}

/// sum [kRows][kBlockColumns] from column j on += weights * values of the run, its halves from kFirstHalf on.
/// lines: to fetch at each key. @return What is left to fetch.
template <size_t kRows, size_t kFirstHalf, size_t kHalfCount>
inline Ahead add_byte_values(const AttentionWork& w, const IntegerWeights<kRows, uint8_t>& weights,
                             const char* values, size_t count, size_t j, Ahead ahead, size_t lines) {
  constexpr size_t kVectors = 2 * kHalfCount;
  const size_t row_bytes = kv_row_bytes(KvType::i8, w.dim);
  WordVec sum[kRows][kVectors];
  TRANSOM_UNROLL
  for (size_t r = 0; r < kRows; ++r) {
    TRANSOM_UNROLL
    for (size_t v = 0; v < kVectors; ++v) sum[r][v] = zero_words();
  }
  for (size_t key = 0; key < count; key += kKeysOfWord) {
    ahead.step_far(kKeysOfWord * lines);
    WordVec of_key[kKeysOfWord], words[kVectors];
    TRANSOM_UNROLL
    for (size_t i = 0; i < kKeysOfWord; ++i) {
      const size_t at = key + i < count ? key + i : count - 1;  // their weights are zero
      of_key[i] = load_words(values + at * row_bytes + j);
    }
    interleave_keys<kFirstHalf>(of_key, words);
    if constexpr (kHalfCount > 1) interleave_keys<1>(of_key, words + 2);
    TRANSOM_UNROLL
    for (size_t r = 0; r < kRows; ++r) {
      uint32_t word;
      memcpy(&word, weights.integers[r] + key, sizeof word);
      const WordVec weight = set_words(word);
      TRANSOM_UNROLL
      for (size_t v = 0; v < kVectors; ++v) sum[r][v] = add_byte_products(sum[r][v], weight, words[v]);
    }
  }
  TRANSOM_UNROLL
  for (size_t r = 0; r < kRows; ++r) {
    const FloatVec scale = set_f32(weights.scale[r]);
    TRANSOM_UNROLL
    for (size_t v = 0; v < kVectors; ++v) {
      float* to = w.sum + r * w.padded_dim + j + (2 * kFirstHalf + v) * kLanes;
      store_f32(to, multiply_add(to_f32(sum[r][v]), scale, load_f32(to)));
    }
  }
  return ahead;
}

/// Weights times values of a run, for all rows. @return What is left to fetch.
template <size_t kRows>
inline Ahead add_byte_run(const AttentionWork& w, const char* values, size_t count, Ahead ahead) {
  const IntegerWeights<kRows, uint8_t> weights(w, values, count);
  constexpr bool kWholeBlock = kRows <= 6;  // while its sums fit the registers
  const size_t passes = w.dim / kBlockColumns * (kWholeBlock ? 1 : 2);
  const size_t lines = ceil_divide(ahead.lines, passes * count);
  for (size_t j = 0; j < w.dim; j += kBlockColumns) {
    if constexpr (kWholeBlock) {
      ahead = add_byte_values<kRows, 0, 2>(w, weights, values, count, j, ahead, lines);
    } else {
      ahead = add_byte_values<kRows, 0, 1>(w, weights, values, count, j, ahead, lines);
      ahead = add_byte_values<kRows, 1, 1>(w, weights, values, count, j, ahead, lines);
    }
  }
  return ahead;
}

/// Sums in the order of columns: of a block, quarter q of vector v holds the columns from 16 q + 4 v on.
inline void arrange_byte_sums(const AttentionWork& w) {
  for (size_t j = 0; j < w.rows * w.padded_dim; j += kBlockColumns) {
    FloatVec block[4];
    for (size_t v = 0; v < 4; ++v) block[v] = load_f32(w.sum + j + v * kLanes);
    transpose_quarters(block);
    for (size_t v = 0; v < 4; ++v) store_f32(w.sum + j + v * kLanes, block[v]);
  }
}
