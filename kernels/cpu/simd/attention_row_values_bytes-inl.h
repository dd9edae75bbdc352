// SPDX-License-Identifier: Apache-2.0
// Sums of few rows over i8 values by products of bytes: half the instructions of products of 16-bit halves
// (attention_rows_i8-inl.h). Textual; needs vec_avx512_vnni-inl.h, linear_quantize-inl.h and
// attention_few-inl.h.
//
// A word holds one column of four keys. A block of columns makes four vectors of words, in an order of
// columns that is undone once, for the sums of all runs. A sum is at most 64 * 254 * 127, which an f32 holds.

constexpr size_t kKeysOfWord = 4, kBlockColumns = kKeysOfWord * kLanes;
static_assert(kKeyTile % kKeysOfWord == 0);

/// The weights of one run, each times the scale of its value, as bytes: a 254th of the largest of a row is
/// coarse, and 63 weights below half of that may be a tenth of all. So what rounding leaves of a key goes on
/// to the next of its lane, and lanes start with rests spread over a unit: the sum of a row is right within
/// about one of its units.
template <size_t kRows>
struct ByteWeights {
  alignas(64) uint8_t bytes[kRows][kKeyTile + kKeysOfWord];  // skewed as scores are
  float scale[kRows];

  ByteWeights(const AttentionWork& w, const char* values, size_t count) {
    constexpr float kLargestByte = 254.0f;  // with a rest still a byte
    float start[kLanes];
    for (size_t i = 0; i < kLanes; ++i) start[i] = (static_cast<float>(i) + 0.5f) / kLanes - 0.5f;
    scale_weights<kRows>(w, values, count);
    for (size_t r = 0; r < kRows; ++r) {
      const float* weights = w.score + r * kScoreStride;
      const RowScale row = scale_of_bits(lane_max_words(lane_largest_bits(weights, kKeyTile)), kLargestByte);
      scale[r] = row.scale;
      const FloatVec factor = set_f32(row.factor);
      FloatVec rest = load_f32(start);
      for (size_t key = 0; key < kKeyTile; key += kLanes) {
        const FloatVec exact = multiply_add(load_f32(weights + key), factor, rest);
        const WordVec whole = to_nearest(exact);
        rest = subtract(exact, to_f32(whole));
        store_low_bytes(reinterpret_cast<int8_t*>(bytes[r] + key), whole);
      }
    }
  }
};

/// sum [kRows][kBlockColumns] from column j on += weights * values of the run, its halves from kFirstHalf on.
/// lines: to fetch at each key. @return What is left to fetch.
template <size_t kRows, size_t kFirstHalf, size_t kHalfCount>
inline Ahead add_byte_values(const AttentionWork& w, const ByteWeights<kRows>& weights, const char* values,
                             size_t count, size_t j, Ahead ahead, size_t lines) {
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
      fetch_near(values + at * row_bytes, j, kBlockColumns, row_bytes);
      of_key[i] = load_words(values + at * row_bytes + j);
    }
    interleave_rows<kFirstHalf>(of_key, words);
    if constexpr (kHalfCount > 1) interleave_rows<1>(of_key, words + 2);
    TRANSOM_UNROLL
    for (size_t r = 0; r < kRows; ++r) {
      uint32_t word;
      memcpy(&word, weights.bytes[r] + key, sizeof word);
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
  const ByteWeights<kRows> weights(w, values, count);
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
