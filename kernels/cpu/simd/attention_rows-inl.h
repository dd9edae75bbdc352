// SPDX-License-Identifier: Apache-2.0
// Attention of few rows, as when one token is decoded: bound by reading the cache, so keys and values are
// widened in registers as they come, and nothing is staged. Textual; needs attention_few-inl.h and
// attention_rows_i8-inl.h.

constexpr size_t kPairWidth = 2 * kLanes;
static_assert(kAttentionDimStep % kPairWidth == 0);

/// Half of kPairWidth neighbouring columns of a row, from column j on: of bf16 its even (kHalf 0) or its odd
/// columns (1), which takes a shift or a mask, of others its first or its last. kWhole: no j comes that
/// reaches beyond dim.
template <KvType kType, bool kWhole, int kHalf>
TRANSOM_INLINE FloatVec load_half(const char* row, size_t j, size_t dim) {
  char part[kPairWidth * kBytes<kType>];
  const char* from = row + j * kBytes<kType>;
  if (!kWhole && j + kPairWidth > dim) {
    memset(part, 0, sizeof part);
    if (j < dim) memcpy(part, from, (dim - j) * kBytes<kType>);
    from = part;
  }
  if constexpr (kType == KvType::f32) return load_f32(reinterpret_cast<const float*>(from) + kHalf * kLanes);
  if constexpr (kType == KvType::e4m3) return widen_e4m3(from + kHalf * kLanes);
  const WordVec words = load_words(from);
  return as_f32(kHalf == 0 ? shift_left_words(words, 16) : and_words(words, set_words(0xffff0000u)));
}

/// From the order of a row to that of load_half, and back.
template <KvType kType>
inline void split_columns(const float* row, float* pair) {
  for (size_t i = 0; i < kPairWidth; ++i)
    pair[i] = row[kType == KvType::bf16 ? i % kLanes * 2 + i / kLanes : i];
}
inline void join_columns(float* row) {
  float joined[kPairWidth];
  for (size_t i = 0; i < kPairWidth; ++i) joined[i % kLanes * 2 + i / kLanes] = row[i];
  memcpy(row, joined, sizeof joined);
}

/// Queries as score_keys takes them, [padded_dim / kPairWidth][2][rows][kLanes], in place of the key tile.
template <KvType kType>
inline void interleave_queries(const AttentionWork& w) {
  float* dst = w.tile;
  for (size_t j = 0; j < w.padded_dim; j += kPairWidth, dst += w.rows * kPairWidth) {
    for (size_t r = 0; r < w.rows; ++r) {
      float pair[kPairWidth];
      split_columns<kType>(w.q + r * w.padded_dim + j, pair);
      store_f32(dst + r * kLanes, load_f32(pair));
      store_f32(dst + (w.rows + r) * kLanes, load_f32(pair + kLanes));
    }
  }
}

/// sum [kKeys][kRows] += a query of each row * half a block of columns of each key.
template <KvType kType, bool kWhole, int kHalf, size_t kRows, size_t kKeys>
TRANSOM_INLINE void multiply_columns(const float* query, const char* const* row, size_t j, size_t dim,
                                     FloatVec (*sum)[kRows]) {
  FloatVec key[kKeys];
  TRANSOM_UNROLL
  for (size_t i = 0; i < kKeys; ++i) key[i] = load_half<kType, kWhole, kHalf>(row[i], j, dim);
  TRANSOM_UNROLL
  for (size_t r = 0; r < kRows; ++r) {
    const FloatVec here = in_register(load_f32(query + (kHalf * kRows + r) * kLanes));
    TRANSOM_UNROLL
    for (size_t i = 0; i < kKeys; ++i) sum[i][r] = multiply_add(here, key[i], sum[i][r]);
  }
}

/// Sums of kRows rows against kKeys keys, kLanes / kKeys apart from `key` on, folded into one vector a row:
/// see fold_keys. lines: of the next run, to fetch at each block of columns.
template <KvType kType, bool kWhole, size_t kRows, size_t kKeys>
TRANSOM_INLINE void multiply_keys(const AttentionWork& w, const char* keys, size_t count, size_t key,
                                  FloatVec (*sums)[kLanes / kKeys], Ahead& ahead, size_t lines) {
  const char* row[kKeys];
  FloatVec sum[kKeys][kRows];
  TRANSOM_UNROLL
  for (size_t i = 0; i < kKeys; ++i) {
    const size_t at = key + i * (kLanes / kKeys);
    row[i] = keys + (at < count ? at : count - 1) * kv_row_bytes(kType, w.dim);
    TRANSOM_UNROLL
    for (size_t r = 0; r < kRows; ++r) sum[i][r] = zero_f32();
  }
  const float* query = w.tile;
  for (size_t j = 0; j < w.dim; j += kPairWidth, query += kRows * kPairWidth) {
    ahead.step_far(lines);
    TRANSOM_UNROLL
    for (size_t i = 0; i < kKeys; ++i)
      fetch_near<kLanes>(row[i], j * kBytes<kType>, kPairWidth * kBytes<kType>, kv_row_bytes(kType, w.dim));
    multiply_columns<kType, kWhole, 0, kRows, kKeys>(query, row, j, w.dim, sum);
    multiply_columns<kType, kWhole, 1, kRows, kKeys>(query, row, j, w.dim, sum);
  }
  fold_keys<kRows, kKeys>(sum, key, sums);
}

/// Scores of kRows rows against kLanes keys of one run, from `key` on; what keys past the run score means
/// nothing (softmax_rows). lines: to fetch at each of them. @return What is left to fetch.
template <KvType kType, bool kWhole, size_t kRows>
inline Ahead score_keys(const AttentionWork& w, const char* keys, size_t count, size_t key, Ahead ahead,
                        size_t lines) {
  // Independent sums enough for the latency of an FMA, as far as the registers go.
  constexpr size_t kKeys = kRows <= 3 || (kLanes == 16 && kRows <= 6) ? 4
                           : kLanes == 16 || kRows <= 6               ? 2
                                                                      : 1;
  const size_t lines_of_step = ceil_divide(lines * kKeys, ceil_divide(w.dim, kPairWidth));
  FloatVec sums[kRows][kLanes / kKeys];
  for (size_t i = 0; i < kLanes / kKeys; ++i)
    multiply_keys<kType, kWhole, kRows, kKeys>(w, keys, count, key + i, sums, ahead, lines_of_step);
  const FloatVec scale = kv_has_scales(kType) ? lane_scales(w, keys, count, key) : set_f32(1.0f);
  for (size_t r = 0; r < kRows; ++r) {
    fold_vectors<kLanes / kKeys / 2, 1>(sums[r]);
    store_f32(w.score + r * kScoreStride + key, multiply(sums[r][0], scale));
  }
  return ahead;
}

/// sum [kRows][kPairs * kPairWidth], from row `row` and column pair * kPairWidth on, += weights * values of
/// the run. lines: to fetch at each key. @return What is left to fetch.
template <KvType kType, bool kWhole, size_t kRows, size_t kPairs>
inline Ahead add_row_values(const AttentionWork& w, size_t row, const char* values, size_t count, size_t pair,
                            Ahead ahead, size_t lines) {
  const size_t row_bytes = kv_row_bytes(kType, w.dim), j = pair * kPairWidth;
  float* const sum = w.sum + row * w.padded_dim + j;
  const float* score = w.score + row * kScoreStride;
  FloatVec first[kRows][kPairs], second[kRows][kPairs];
  TRANSOM_UNROLL
  for (size_t r = 0; r < kRows; ++r) {
    TRANSOM_UNROLL
    for (size_t p = 0; p < kPairs; ++p) {
      first[r][p] = load_f32(sum + r * w.padded_dim + p * kPairWidth);
      second[r][p] = load_f32(sum + r * w.padded_dim + p * kPairWidth + kLanes);
    }
  }
  for (size_t key = 0; key < count; ++key, values += row_bytes) {
    ahead.step_far(lines);
    TRANSOM_UNROLL
    for (size_t p = 0; p < kPairs; ++p) {
      fetch_near(values, (j + p * kPairWidth) * kBytes<kType>, kPairWidth * kBytes<kType>, row_bytes);
      const FloatVec left = load_half<kType, kWhole, 0>(values, j + p * kPairWidth, w.dim),
                     right = load_half<kType, kWhole, 1>(values, j + p * kPairWidth, w.dim);
      TRANSOM_UNROLL
      for (size_t r = 0; r < kRows; ++r) {
        const FloatVec weight = set_f32(score[r * kScoreStride + key]);
        first[r][p] = multiply_add(weight, left, first[r][p]);
        second[r][p] = multiply_add(weight, right, second[r][p]);
      }
    }
  }
  TRANSOM_UNROLL
  for (size_t r = 0; r < kRows; ++r) {
    TRANSOM_UNROLL
    for (size_t p = 0; p < kPairs; ++p) {
      store_f32(sum + r * w.padded_dim + p * kPairWidth, first[r][p]);
      store_f32(sum + r * w.padded_dim + p * kPairWidth + kLanes, second[r][p]);
    }
  }
  return ahead;
}

/// Weights times values of a run, for all rows. @return What is left to fetch.
template <KvType kType, bool kWhole, size_t kRows>
inline Ahead add_run_values(const AttentionWork& w, const char* values, size_t count, Ahead ahead) {
  if constexpr (kv_has_scales(kType)) scale_weights<kRows>(w, values, count);
  // As many pairs a pass as their sums fit the registers; more rows than fit with one pair go in two passes.
  constexpr size_t kPairs = kRows <= 1 ? 4 : kRows <= 3 || (kLanes == 16 && kRows <= 6) ? 2 : 1;
  constexpr size_t kFirst = kLanes == 16 || kRows <= 6 ? kRows : kRows / 2, kRest = kRows - kFirst;
  const size_t n_pairs = ceil_divide(w.dim, kPairWidth);
  const size_t lines = ceil_divide(ahead.lines * kPairs, n_pairs * count);
  size_t pair = 0;
  for (; pair + kPairs <= n_pairs; pair += kPairs)
    ahead = add_row_values<kType, kWhole, kFirst, kPairs>(w, 0, values, count, pair, ahead, lines);
  for (; pair < n_pairs; ++pair)
    ahead = add_row_values<kType, kWhole, kFirst, 1>(w, 0, values, count, pair, ahead, lines);
  if constexpr (kRest > 0) {
    for (pair = 0; pair < n_pairs; ++pair)
      add_row_values<kType, kWhole, kRest, 1>(w, kFirst, values, count, pair, {nullptr, 0}, 0);
  }
  return ahead;
}

template <KvType kType, bool kWhole, size_t kRows = kDirectRows>
inline void attend_rows_part(const AttentionArgs& args, const AttentionWork& w, const KeyRun& run,
                             const KeyRun& next) {
  if constexpr (kRows > 1) {
    if (w.rows < kRows) return attend_rows_part<kType, kWhole, kRows - 1>(args, w, run, next);
  }
  if constexpr (kType == KvType::i8) {
    attend_few_rows<score_integer_keys<kWhole, kRows>, add_integer_run<kWhole, kRows>>(args, w, run, next);
  } else {
    attend_few_rows<score_keys<kType, kWhole, kRows>, add_run_values<kType, kWhole, kRows>>(args, w, run,
                                                                                            next);
  }
}

template <KvType kType>
inline void attend_type(const AttentionArgs& args, const AttentionWork& w, const KeyRun& run,
                        const KeyRun& next) {
  if (w.dim % kPairWidth == 0) {
    attend_rows_part<kType, true>(args, w, run, next);
  } else {
    attend_rows_part<kType, false>(args, w, run, next);
  }
}

/// Few rows as attend_items takes them, at most kDirectRows of a tile.
struct DirectRows {
  /// Before anything else: what the first run needs from memory.
  static void fetch_first(const AttentionArgs& args, const AttentionWork& w, const KeyRun& run) {
    NextRun(args, w, run).finish();
  }

  /// Queries as their runs take them.
  static void arrange_queries(const AttentionArgs& args, const AttentionWork& w) {
    switch (args.kv.type) {
      case KvType::f32:
        return interleave_queries<KvType::f32>(w);
      case KvType::bf16:
        return interleave_queries<KvType::bf16>(w);
      case KvType::i8:
        return quantize_queries(w);
      case KvType::e4m3:
        return interleave_queries<KvType::e4m3>(w);
    }
  }

  /// One run of keys for all rows.
  static void attend_run(const AttentionArgs& args, const AttentionWork& w, const KeyRun& run,
                         const KeyRun& next) {
    switch (args.kv.type) {
      case KvType::f32:
        return attend_type<KvType::f32>(args, w, run, next);
      case KvType::bf16:
        return attend_type<KvType::bf16>(args, w, run, next);
      case KvType::i8:
        return attend_type<KvType::i8>(args, w, run, next);
      case KvType::e4m3:
        return attend_type<KvType::e4m3>(args, w, run, next);
    }
  }

  /// Their sums in the order that all others have.
  static void arrange_sums(const AttentionArgs& args, const AttentionWork& w) {
    if (args.kv.type != KvType::bf16) return;
    for (size_t j = 0; j < w.rows * w.padded_dim; j += kPairWidth) join_columns(w.sum + j);
  }
};
