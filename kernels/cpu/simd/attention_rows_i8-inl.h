// SPDX-License-Identifier: Apache-2.0
// Attention of few rows to i8 keys and values, which never become f32: queries and weights are rounded to 16
// bits (a 256th of the error that the cache has anyway), and products of 16-bit pairs are summed in 32-bit
// integers. Textual; needs linear_quantize-inl.h, attention_tile-inl.h and
//   WordVec add_products(WordVec sum, WordVec a, WordVec b)   sum + the two products of halves of each word

constexpr size_t kHalves = 2 * kLanes;
constexpr float kLargestHalf = 32767.0f;

/// The queries of few rows as score_integer_keys takes them, in place of the key tile: their scales
/// [kDirectRows], then for every four columns the words (0, 2) and (1, 3) of each row.
inline uint32_t* query_words(const AttentionWork& w) {
  return reinterpret_cast<uint32_t*>(w.tile + kDirectRows);
}

inline void quantize_queries(const AttentionWork& w) {
  // Sums of dim / 2 products with i8 keys stay below 2^31.
  const float limit = w.dim <= 1024 ? kLargestHalf : kLargestHalf * 1024.0f / static_cast<float>(w.dim);
  for (size_t r = 0; r < w.rows; ++r) {
    const float* q = w.q + r * w.padded_dim;
    const RowScale scale = row_scale(q, w.padded_dim, limit);
    w.tile[r] = scale.scale;
    const FloatVec factor = set_f32(scale.factor);
    for (size_t j = 0; j < w.padded_dim; j += kLanes) {
      int16_t part[kLanes];
      store_signed_halves(part, to_nearest(multiply(load_f32(q + j), factor)));
      for (size_t i = 0; i < kLanes; i += 4) {
        uint32_t* words = query_words(w) + (j + i) / 2 * w.rows + r;
        const int16_t even[] = {part[i], part[i + 2]}, odd[] = {part[i + 1], part[i + 3]};
        memcpy(words, even, sizeof even);
        memcpy(words + w.rows, odd, sizeof odd);
      }
    }
  }
}

/// Scores of kRows rows against kLanes keys of one run, from `key` on. lines: to fetch at each column.
template <size_t kRows>
inline void score_integer_keys(const AttentionWork& w, const char* keys, size_t count, size_t key,
                               Ahead& ahead, size_t lines) {
  const size_t row_bytes = kv_row_bytes(KvType::i8, w.dim), columns = (w.dim + 3) / 4;
  keys += key * row_bytes;
  count -= key;
  WordVec even_sum[kRows], odd_sum[kRows];
  TRANSOM_UNROLL
  for (size_t r = 0; r < kRows; ++r) even_sum[r] = odd_sum[r] = zero_words();
  const uint32_t* query = query_words(w);
  for (size_t column = 0; column < columns; column += kLanes) {
    alignas(64) uint32_t turned[kLanes][kLanes];
    turn_rows(keys + column * 4, row_bytes, count, w.dim - column * 4, turned[0], kLanes);
    const size_t here = columns - column < kLanes ? columns - column : kLanes;
    for (size_t i = 0; i < here; ++i, query += 2 * kRows) {
      ahead.step(lines);
      const WordVec bytes = load_words(turned[i]);
      const WordVec even = shift_right_signed_halves(shift_left_halves(bytes, 8), 8),
                    odd = shift_right_signed_halves(bytes, 8);
      TRANSOM_UNROLL
      for (size_t r = 0; r < kRows; ++r) {
        even_sum[r] = add_products(even_sum[r], broadcast_word(query + r), even);
        odd_sum[r] = add_products(odd_sum[r], broadcast_word(query + kRows + r), odd);
      }
    }
  }
  float scale[kLanes] = {};
  row_scales(keys, w.dim, count < kLanes ? count : kLanes, scale);
  for (size_t r = 0; r < kRows; ++r) {
    const FloatVec score = add_f32(to_f32(even_sum[r]), to_f32(odd_sum[r]));
    store_f32(w.score + r * kKeyTile + key, multiply(multiply(score, set_f32(w.tile[r])), load_f32(scale)));
  }
}

/// The weights of one run, each taking the scale of its value along, as 16-bit integers.
template <size_t kRows>
struct IntegerWeights {
  alignas(64) int16_t integers[kRows][kKeyTile];
  float scale[kRows];

  IntegerWeights(const AttentionWork& w, const char* values, size_t count) {
    float value_scale[kKeyTile] = {};
    row_scales(values, w.dim, count, value_scale);
    for (size_t r = 0; r < kRows; ++r) {
      float* weights = w.score + r * kKeyTile;
      for (size_t key = 0; key < kKeyTile; key += kLanes)
        store_f32(weights + key, multiply(load_f32(weights + key), load_f32(value_scale + key)));
      const RowScale row = row_scale(weights, kKeyTile, kLargestHalf);
      scale[r] = row.scale;
      const FloatVec factor = set_f32(row.factor);
      for (size_t key = 0; key < kKeyTile; key += kLanes)
        store_signed_halves(integers[r] + key, to_nearest(multiply(load_f32(weights + key), factor)));
    }
  }
};

/// kHalves columns of a row from j on, zeros beyond dim. kWhole: no j comes that reaches beyond dim.
template <bool kWhole>
TRANSOM_INLINE WordVec load_halves(const char* row, size_t j, size_t dim) {
  if (kWhole || j + kHalves <= dim) return widen_i8_halves(reinterpret_cast<const int8_t*>(row + j));
  int8_t part[kHalves] = {};
  if (j < dim) memcpy(part, row + j, dim - j);
  return widen_i8_halves(part);
}

/// sum [kRows][kBlocks * kHalves] from column j on += weights * values of the run, two keys at a time.
template <bool kWhole, size_t kRows, size_t kBlocks>
inline void add_integer_values(const AttentionWork& w, const IntegerWeights<kRows>& weights,
                               const char* values, size_t count, size_t j, Ahead& ahead, size_t lines) {
  const size_t row_bytes = kv_row_bytes(KvType::i8, w.dim);
  WordVec low_sum[kRows][kBlocks], high_sum[kRows][kBlocks];
  TRANSOM_UNROLL
  for (size_t r = 0; r < kRows; ++r) {
    TRANSOM_UNROLL
    for (size_t b = 0; b < kBlocks; ++b) low_sum[r][b] = high_sum[r][b] = zero_words();
  }
  for (size_t key = 0; key < count; key += 2) {
    ahead.step(2 * lines);
    const char* first = values + key * row_bytes;
    const char* second = key + 1 < count ? first + row_bytes : first;  // its weight is zero
    WordVec low[kBlocks], high[kBlocks];
    TRANSOM_UNROLL
    for (size_t b = 0; b < kBlocks; ++b) {
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
      if (at + kLanes < w.padded_dim)
        store_f32(sum + kLanes, multiply_add(to_f32(right), scale, load_f32(sum + kLanes)));
    }
  }
}

template <bool kWhole, size_t kRows>
inline void attend_integer_rows(const AttentionArgs& args, const AttentionWork& w, const KeyRun& run,
                                const KeyRun& next) {
  const char *keys = run_rows(args, w, args.kv.keys, run), *values = run_rows(args, w, args.kv.values, run);
  Ahead ahead = fetch_run(args, w, args.kv.values, run);
  const size_t groups = (run.count + kLanes - 1) / kLanes;
  const size_t lines = ahead.lines / (groups * ((w.dim + 3) / 4)) + 1;
  for (size_t key = 0; key < groups * kLanes; key += kLanes)
    score_integer_keys<kRows>(w, keys, run.count, key, ahead, lines);
  for (size_t r = 0; r < kRows; ++r) softmax_row(args, w, r, visible_part(args, w, run, r));
  const IntegerWeights<kRows> weights(w, values, run.count);
  ahead = fetch_run(args, w, args.kv.keys, next);
  constexpr size_t kBlocks = kLanes == 16 && kRows <= 6 ? 2 : 1;  // while their sums fit the registers
  const size_t passes = w.dim / (kBlocks * kHalves) + 1, share = ahead.lines / (passes * run.count) + 1;
  size_t j = 0;
  for (; j + kBlocks * kHalves <= w.dim; j += kBlocks * kHalves)
    add_integer_values<kWhole, kRows, kBlocks>(w, weights, values, run.count, j, ahead, share);
  for (; j < w.dim; j += kHalves)
    add_integer_values<kWhole, kRows, 1>(w, weights, values, run.count, j, ahead, share);
}
