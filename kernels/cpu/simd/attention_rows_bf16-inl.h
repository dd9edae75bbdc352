// SPDX-License-Identifier: Apache-2.0
// Attention of few rows to bf16 keys and values by products of bf16 pairs: half the instructions of f32 FMA,
// and nothing to widen. Queries and weights are rounded to bf16, as those of many rows are (Bf16Products).
// Textual; needs vec_avx512_bf16-inl.h, attention_rows-inl.h and attention_gemm-inl.h. (kHalves is how
// many bf16 a vector holds.)

/// The queries of few rows in place of the key tile: [dim / kHalves][rows][kHalves].
inline uint16_t* bf16_queries(const AttentionWork& w) { return reinterpret_cast<uint16_t*>(w.tile); }

inline void round_queries(const AttentionWork& w) {
  for (size_t r = 0; r < w.rows; ++r) {
    const float* q = w.q + r * w.padded_dim;
    for (size_t j = 0; j < w.dim; j += kLanes) {
      uint16_t* to = bf16_queries(w) + (j / kHalves * w.rows + r) * kHalves;
      store_low_halves(to + j % kHalves, round_bf16(load_f32(q + j)));
    }
  }
}

/// As multiply_keys.
template <size_t kRows, size_t kKeys>
TRANSOM_INLINE void multiply_bf16_keys(const AttentionWork& w, const char* keys, size_t count, size_t key,
                                       FloatVec (*sums)[kLanes / kKeys], Ahead& ahead, size_t lines) {
  const size_t row_bytes = kv_row_bytes(KvType::bf16, w.dim);
  const char* row[kKeys];
  FloatVec sum[kKeys][kRows];
  TRANSOM_UNROLL
  for (size_t i = 0; i < kKeys; ++i) {
    const size_t at = key + i * (kLanes / kKeys);
    row[i] = keys + (at < count ? at : count - 1) * row_bytes;
    TRANSOM_UNROLL
    for (size_t r = 0; r < kRows; ++r) sum[i][r] = zero_f32();
  }
  const uint16_t* query = bf16_queries(w);
  for (size_t j = 0; j < w.dim; j += kHalves, query += kRows * kHalves) {
    ahead.step_far(lines);
    WordVec block[kKeys];
    TRANSOM_UNROLL
    for (size_t i = 0; i < kKeys; ++i) {
      block[i] = load_words(row[i] + 2 * j);
    }
    TRANSOM_UNROLL
    for (size_t r = 0; r < kRows; ++r) {
      const WordVec here = in_register(load_words(query + r * kHalves));
      TRANSOM_UNROLL
      for (size_t i = 0; i < kKeys; ++i) sum[i][r] = add_bf16_products(sum[i][r], here, block[i]);
    }
  }
  fold_keys<kRows, kKeys>(sum, key, sums);
}

/// As score_keys.
template <size_t kRows>
inline Ahead score_bf16_keys(const AttentionWork& w, const char* keys, size_t count, size_t key, Ahead ahead,
                             size_t lines) {
  constexpr size_t kKeys = kRows <= 6 ? 4 : 2;  // as far as the registers go
  const size_t lines_of_step = ceil_divide(lines * kKeys, w.dim / kHalves);
  FloatVec sums[kRows][kLanes / kKeys];
  for (size_t i = 0; i < kLanes / kKeys; ++i)
    multiply_bf16_keys<kRows, kKeys>(w, keys, count, key + i, sums, ahead, lines_of_step);
  for (size_t r = 0; r < kRows; ++r) {
    fold_vectors<kLanes / kKeys / 2, 1>(sums[r]);
    store_f32(w.score + r * kScoreStride + key, sums[r][0]);
  }
  return ahead;
}

/// sum [kRows][kBlocks * kHalves] from column j on += weights * values of the run, two keys at a time;
/// the columns of a block in the order of interleave_low_halves. lines: to fetch at each key. @return What is
/// left to fetch.
template <size_t kRows, size_t kBlocks>
inline Ahead add_bf16_values(const AttentionWork& w, const char* values, size_t count, size_t j, Ahead ahead,
                             size_t lines) {
  const size_t row_bytes = kv_row_bytes(KvType::bf16, w.dim);
  const ScoreTile weights{w.score};
  FloatVec sum[kRows][2 * kBlocks];
  TRANSOM_UNROLL
  for (size_t r = 0; r < kRows; ++r) {
    TRANSOM_UNROLL
    for (size_t b = 0; b < 2 * kBlocks; ++b) sum[r][b] = load_f32(w.sum + r * w.padded_dim + j + b * kLanes);
  }
  for (size_t key = 0; key < count; key += 2) {
    ahead.step_far(2 * lines);
    const char* first = values + key * row_bytes + 2 * j;
    const bool is_pair = key + 1 < count;
    WordVec pairs[2 * kBlocks];
    TRANSOM_UNROLL
    for (size_t b = 0; b < kBlocks; ++b) {
      const size_t at = 2 * b * kHalves;
      const WordVec one = load_words(first + at),
                    other = is_pair ? load_words(first + row_bytes + at) : zero_words();
      pairs[2 * b] = interleave_low_halves(one, other);
      pairs[2 * b + 1] = interleave_high_halves(one, other);
    }
    TRANSOM_UNROLL
    for (size_t r = 0; r < kRows; ++r) {
      const WordVec weight = weights.at(r, key / 2);
      TRANSOM_UNROLL
      for (size_t b = 0; b < 2 * kBlocks; ++b) sum[r][b] = add_bf16_products(sum[r][b], weight, pairs[b]);
    }
  }
  TRANSOM_UNROLL
  for (size_t r = 0; r < kRows; ++r) {
    TRANSOM_UNROLL
    for (size_t b = 0; b < 2 * kBlocks; ++b) store_f32(w.sum + r * w.padded_dim + j + b * kLanes, sum[r][b]);
  }
  return ahead;
}

/// Weights times values of a run, for all rows. @return What is left to fetch.
template <size_t kRows>
inline Ahead add_bf16_run(const AttentionWork& w, const char* values, size_t count, Ahead ahead) {
  pack_weights<Bf16Products>(w);
  constexpr size_t kBlocks = kRows <= 2 ? 4 : kRows <= 6 ? 2 : 1;  // as far as the registers go
  const size_t halves = kBlocks * kHalves, passes = w.dim / halves + w.dim % halves / kHalves;
  const size_t lines = ceil_divide(ahead.lines, passes * count);
  size_t j = 0;
  for (; j + halves <= w.dim; j += halves)
    ahead = add_bf16_values<kRows, kBlocks>(w, values, count, j, ahead, lines);
  for (; j < w.dim; j += kHalves) ahead = add_bf16_values<kRows, 1>(w, values, count, j, ahead, lines);
  return ahead;
}

/// Few rows as attend_items takes them, in place of DirectRows.
struct Bf16Rows : DirectRows {
  static bool takes(const AttentionArgs& args) {
    return args.kv.type == KvType::bf16 && attention_query_tile(args) == 1 && args.kv.head_dim % kHalves == 0;
  }

  static void arrange_queries(const AttentionArgs&, const AttentionWork& w) { round_queries(w); }

  template <size_t kRows = kDirectRows>
  static void attend_run(const AttentionArgs& args, const AttentionWork& w, const KeyRun& run,
                         const KeyRun& next) {
    if constexpr (kRows > 1) {
      if (w.rows < kRows) return attend_run<kRows - 1>(args, w, run, next);
    }
    attend_few_rows<score_bf16_keys<kRows>, add_bf16_run<kRows>>(args, w, run, next);
  }

  static void arrange_sums(const AttentionArgs&, const AttentionWork& w) {
    for (size_t j = 0; j < w.rows * w.padded_dim; j += kHalves) {
      const WordVec low = load_words(w.sum + j), high = load_words(w.sum + j + kLanes);
      store_words(w.sum + j, left_interleaved(low, high));
      store_words(w.sum + j + kLanes, right_interleaved(low, high));
    }
  }
};
