// SPDX-License-Identifier: Apache-2.0
// Attention of few rows to i8 keys and values, which never become f32: queries and weights are rounded to 16
// bits (a 256th of the error that the cache has anyway), and products of 16-bit pairs are summed in 32-bit
// integers. (More than four rows where VNNI is: see attention_rows_bytes-inl.h.) Textual; needs
// linear_quantize-inl.h, attention_few-inl.h and
//   WordVec add_products(WordVec sum, WordVec a, WordVec b)   sum + the two products of halves of each word

constexpr size_t kHalves = 2 * kLanes;
constexpr float kLargestHalf = 32767.0f;
/// The largest half of a query: products with `dim` i8 keys must add up within 31 bits.
inline float largest_query_half(size_t dim) {
  constexpr size_t kMostColumns = 512;
  return dim <= kMostColumns ? kLargestHalf : kLargestHalf * kMostColumns / static_cast<float>(dim);
}

/// kHalves columns of a row from j on, zeros beyond dim. kWhole: no j comes that reaches beyond dim.
template <bool kWhole>
TRANSOM_INLINE WordVec load_halves(const char* row, size_t j, size_t dim) {
  if (kWhole || j + kHalves <= dim) return widen_i8_halves(reinterpret_cast<const int8_t*>(row + j));
  int8_t part[kHalves] = {};
  if (j < dim) memcpy(part, row + j, dim - j);
  return widen_i8_halves(part);
}

/// The queries of few rows as score_integer_keys takes them, in place of the key tile: their scales
/// [kDirectRows], then [padded_dim / kHalves][rows][kHalves].
inline int16_t* query_halves(const AttentionWork& w) {
  return reinterpret_cast<int16_t*>(w.tile + kDirectRows);
}

inline void quantize_queries(const AttentionWork& w) {
  for (size_t r = 0; r < w.rows; ++r) {
    const float* q = w.q + r * w.padded_dim;
    const RowScale scale = row_scale(q, w.padded_dim, largest_query_half(w.dim));
    w.tile[r] = scale.scale;
    const FloatVec factor = set_f32(scale.factor);
    for (size_t j = 0; j < w.padded_dim; j += kLanes) {
      int16_t* to = query_halves(w) + (j / kHalves * w.rows + r) * kHalves + j % kHalves;
      store_signed_halves(to, to_nearest(multiply(load_f32(q + j), factor)));
    }
  }
}

/// Sums of kRows rows against kKeys keys, kLanes / kKeys apart from `key` on, folded into one vector a row:
/// see fold_keys.
template <bool kWhole, size_t kRows, size_t kKeys>
TRANSOM_INLINE void multiply_integer_keys(const AttentionWork& w, const char* keys, size_t count, size_t key,
                                          WordVec (*sums)[kLanes / kKeys], Ahead& ahead, size_t lines) {
  const char* row[kKeys];
  WordVec sum[kKeys][kRows];
  TRANSOM_UNROLL
  for (size_t i = 0; i < kKeys; ++i) {
    const size_t at = key + i * (kLanes / kKeys);
    row[i] = keys + (at < count ? at : count - 1) * kv_row_bytes(KvType::i8, w.dim);
    TRANSOM_UNROLL
    for (size_t r = 0; r < kRows; ++r) sum[i][r] = zero_words();
  }
  const int16_t* query = query_halves(w);
  for (size_t j = 0; j < w.dim; j += kHalves, query += kRows * kHalves) {
    ahead.step_far(lines);
    TRANSOM_UNROLL
    for (size_t i = 0; i < kKeys; ++i)
      fetch_near<kLanes>(row[i], j, kHalves, kv_row_bytes(KvType::i8, w.dim));
    WordVec halves[kKeys];
    TRANSOM_UNROLL
    for (size_t i = 0; i < kKeys; ++i) halves[i] = load_halves<kWhole>(row[i], j, w.dim);
    TRANSOM_UNROLL
    for (size_t r = 0; r < kRows; ++r) {
      const WordVec here = load_words(query + r * kHalves);
      TRANSOM_UNROLL
      for (size_t i = 0; i < kKeys; ++i) sum[i][r] = add_products(sum[i][r], here, halves[i]);
    }
  }
  fold_keys<kRows, kKeys>(sum, key, sums);
}

/// Scores of kRows rows against kLanes keys of one run, from `key` on; what keys past the run score means
/// nothing. lines: to fetch at each of them. @return What is left to fetch.
template <bool kWhole, size_t kRows>
inline Ahead score_integer_keys(const AttentionWork& w, const char* keys, size_t count, size_t key,
                                Ahead ahead, size_t lines) {
  // A query that is read serves several keys, as far as the registers go.
  constexpr size_t kKeys = kLanes == 16 && kRows <= 6 ? 4 : kLanes == 16 || kRows <= 3 ? 2 : 1;
  WordVec sums[kRows][kLanes / kKeys];
  const size_t lines_of_step = ceil_divide(lines * kKeys, ceil_divide(w.dim, kHalves));
  for (size_t i = 0; i < kLanes / kKeys; ++i)
    multiply_integer_keys<kWhole, kRows, kKeys>(w, keys, count, key + i, sums, ahead, lines_of_step);
  const FloatVec scale = lane_scales(w, keys, count, key);
  for (size_t r = 0; r < kRows; ++r) {
    const FloatVec factor = multiply(set_f32(w.tile[r]), scale);
    fold_vectors<kLanes / kKeys / 2, 1>(sums[r]);
    store_f32(w.score + r * kScoreStride + key, multiply(to_f32(sums[r][0]), factor));
  }
  return ahead;
}

/// The weights of one run, each times the scale of its value, as 16-bit integers.
template <size_t kRows>
struct IntegerWeights {
  alignas(64) int16_t integers[kRows][kKeyTile + 8];  // skewed as scores are
  float scale[kRows];

  IntegerWeights(const AttentionWork& w, const char* values, size_t count) {
    scale_weights<kRows>(w, values, count);
    for (size_t r = 0; r < kRows; ++r) {
      const float* weights = w.score + r * kScoreStride;
      const RowScale row = scale_of_bits(lane_max_words(lane_largest_bits(weights, kKeyTile)), kLargestHalf);
      scale[r] = row.scale;
      const FloatVec factor = set_f32(row.factor);
      for (size_t key = 0; key < kKeyTile; key += kLanes)
        store_signed_halves(integers[r] + key, to_nearest(multiply(load_f32(weights + key), factor)));
    }
  }
};

/// sum [kRows][kBlocks * kHalves] from column j on += weights * values of the run, two keys at a time. lines:
/// to fetch at each key. @return What is left to fetch.
template <bool kWhole, size_t kRows, size_t kBlocks>
inline Ahead add_integer_values(const AttentionWork& w, const IntegerWeights<kRows>& weights,
                                const char* values, size_t count, size_t j, Ahead ahead, size_t lines) {
  const size_t row_bytes = kv_row_bytes(KvType::i8, w.dim);
  WordVec low_sum[kRows][kBlocks], high_sum[kRows][kBlocks];
  TRANSOM_UNROLL
  for (size_t r = 0; r < kRows; ++r) {
    TRANSOM_UNROLL
    for (size_t b = 0; b < kBlocks; ++b) low_sum[r][b] = high_sum[r][b] = zero_words();
  }
  for (size_t key = 0; key < count; key += 2) {
    ahead.step_far(2 * lines);
    const char* first = values + key * row_bytes;
    const char* second = key + 1 < count ? first + row_bytes : first;  // its weight is zero
    WordVec low[kBlocks], high[kBlocks];
    TRANSOM_UNROLL
    for (size_t b = 0; b < kBlocks; ++b) {
      fetch_near(first, j + b * kHalves, kHalves, row_bytes);
      fetch_near(second, j + b * kHalves, kHalves, row_bytes);
      const WordVec one = load_halves<kWhole>(first, j + b * kHalves, w.dim),
                    other = load_halves<kWhole>(second, j + b * kHalves, w.dim);
      low[b] = interleave_low_halves(one, other);
      high[b] = interleave_high_halves(one, other);
    }
    TRANSOM_UNROLL
    for (size_t r = 0; r < kRows; ++r) {
      uint32_t pair;
      memcpy(&pair, weights.integers[r] + key, sizeof pair);
      const WordVec weight = set_words(pair);
      TRANSOM_UNROLL
      for (size_t b = 0; b < kBlocks; ++b) {
        low_sum[r][b] = add_products(low_sum[r][b], weight, low[b]);
        high_sum[r][b] = add_products(high_sum[r][b], weight, high[b]);
      }
    }
  }
  TRANSOM_UNROLL
  for (size_t r = 0; r < kRows; ++r) {
    const FloatVec scale = set_f32(weights.scale[r]);
    TRANSOM_UNROLL
    for (size_t b = 0; b < kBlocks; ++b) {
      const size_t at = j + b * kHalves;
      float* sum = w.sum + r * w.padded_dim + at;
      const WordVec left = left_interleaved(low_sum[r][b], high_sum[r][b]),
                    right = right_interleaved(low_sum[r][b], high_sum[r][b]);
      store_f32(sum, multiply_add(to_f32(left), scale, load_f32(sum)));
      store_f32(sum + kLanes, multiply_add(to_f32(right), scale, load_f32(sum + kLanes)));
    }
  }
  return ahead;
}

/// Weights times values of a run, for all rows. @return What is left to fetch.
template <bool kWhole, size_t kRows>
inline Ahead add_integer_run(const AttentionWork& w, const char* values, size_t count, Ahead ahead) {
  const IntegerWeights<kRows> weights(w, values, count);
  constexpr size_t kBlocks = kLanes == 16 && kRows <= 6 ? 2 : 1;  // while their sums fit the registers
  const size_t lines = ceil_divide(ahead.lines, ceil_divide(w.dim, kBlocks * kHalves) * count);
  size_t j = 0;
  for (; j + kBlocks * kHalves <= w.dim; j += kBlocks * kHalves)
    ahead = add_integer_values<kWhole, kRows, kBlocks>(w, weights, values, count, j, ahead, lines);
  for (; j < w.dim; j += kHalves)
    ahead = add_integer_values<kWhole, kRows, 1>(w, weights, values, count, j, ahead, lines);
  return ahead;
}
