// SPDX-License-Identifier: Apache-2.0
// Attention of few rows, as when one token is decoded: bound by reading the cache, so keys and values are
// widened in registers as they come, and nothing is staged. Textual; needs attention_tile-inl.h and
// attention_rows_i8-inl.h.

/// Queries as score_keys takes them, [padded_dim / kLanes][rows][kLanes], in place of the key tile.
inline void interleave_queries(const AttentionWork& w) {
  float* dst = w.tile;
  for (size_t j = 0; j < w.padded_dim; j += kLanes) {
    for (size_t r = 0; r < w.rows; ++r, dst += kLanes) store_f32(dst, load_f32(w.q + r * w.padded_dim + j));
  }
}

/// Scores of kRows rows against kLanes keys of one run, from `key` on; keys past the run score what their
/// memory holds of the last one.
template <KvType kType, bool kWhole, size_t kRows>
inline void score_keys(const AttentionWork& w, const char* keys, size_t count, size_t key, Ahead& ahead,
                       size_t lines) {
  const size_t row_bytes = kv_row_bytes(kType, w.dim);
  FloatVec sums[kRows][kLanes];
  for (size_t i = 0; i < kLanes; i += 2) {
    ahead.step(lines);
    const size_t first = key + i < count ? key + i : count - 1,
                 second = key + i + 1 < count ? key + i + 1 : count - 1;
    const char *left_row = keys + first * row_bytes, *right_row = keys + second * row_bytes;
    FloatVec left_sum[kRows], right_sum[kRows];
    TRANSOM_UNROLL
    for (size_t r = 0; r < kRows; ++r) left_sum[r] = right_sum[r] = zero_f32();
    const float* query_at = w.tile;
    for (size_t j = 0; j < w.padded_dim; j += kLanes) {
      const FloatVec left = load_kv<kType, kWhole>(left_row, j, w.dim),
                     right = load_kv<kType, kWhole>(right_row, j, w.dim);
      TRANSOM_UNROLL
      for (size_t r = 0; r < kRows; ++r) {
        const FloatVec query = load_f32(query_at + r * kLanes);
        left_sum[r] = multiply_add(query, left, left_sum[r]);
        right_sum[r] = multiply_add(query, right, right_sum[r]);
      }
      query_at += kRows * kLanes;
    }
    TRANSOM_UNROLL
    for (size_t r = 0; r < kRows; ++r) {
      sums[r][i] = left_sum[r];
      sums[r][i + 1] = right_sum[r];
    }
  }
  for (size_t r = 0; r < kRows; ++r) store_f32(w.score + r * kKeyTile + key, sum_each(sums[r]));
}

/// sum [kRows][kVectors] from column j on += weights * values of the run. lines: to fetch at each key.
template <KvType kType, bool kWhole, size_t kRows, size_t kVectors>
inline void add_row_values(const AttentionWork& w, const char* values, size_t count, size_t j, Ahead& ahead,
                           size_t lines) {
  const size_t row_bytes = kv_row_bytes(kType, w.dim);
  float* const sum = w.sum + j;
  FloatVec total[kRows][kVectors];
  TRANSOM_UNROLL
  for (size_t r = 0; r < kRows; ++r) {
    TRANSOM_UNROLL
    for (size_t v = 0; v < kVectors; ++v) total[r][v] = load_f32(sum + r * w.padded_dim + v * kLanes);
  }
  for (size_t key = 0; key < count; ++key, values += row_bytes) {
    ahead.step(lines);
    FloatVec value[kVectors];
    TRANSOM_UNROLL
    for (size_t v = 0; v < kVectors; ++v) value[v] = load_kv<kType, kWhole>(values, j + v * kLanes, w.dim);
    TRANSOM_UNROLL
    for (size_t r = 0; r < kRows; ++r) {
      const FloatVec weight = set_f32(w.score[r * kKeyTile + key]);
      TRANSOM_UNROLL
      for (size_t v = 0; v < kVectors; ++v) total[r][v] = multiply_add(weight, value[v], total[r][v]);
    }
  }
  TRANSOM_UNROLL
  for (size_t r = 0; r < kRows; ++r) {
    TRANSOM_UNROLL
    for (size_t v = 0; v < kVectors; ++v) store_f32(sum + r * w.padded_dim + v * kLanes, total[r][v]);
  }
}

template <KvType kType, bool kWhole, size_t kRows>
inline void attend_rows(const AttentionArgs& args, const AttentionWork& w, const KeyRun& run,
                        const KeyRun& next) {
  const char *keys = run_rows(args, w, args.kv.keys, run), *values = run_rows(args, w, args.kv.values, run);
  Ahead ahead = fetch_run(args, w, args.kv.values, run);
  const size_t lines = ahead.lines / (kKeyTile / 2) + 1;
  for (size_t key = 0; key < kKeyTile; key += kLanes) {
    if (key < run.count) {
      score_keys<kType, kWhole, kRows>(w, keys, run.count, key, ahead, lines);
    } else {
      for (size_t r = 0; r < kRows; ++r) store_f32(w.score + r * kKeyTile + key, zero_f32());
    }
  }
  for (size_t r = 0; r < kRows; ++r) softmax_row(args, w, r, visible_part(args, w, run, r));
  ahead = fetch_run(args, w, args.kv.keys, next);
  // Four vectors a pass while their sums fit the registers.
  constexpr size_t kVectors = kLanes == 16 && kRows <= 6 ? 4 : kLanes == 16 || kRows <= 4 ? 2 : 1;
  const size_t passes = w.padded_dim / (kVectors * kLanes) + (w.padded_dim / kLanes) % kVectors;
  const size_t share = ahead.lines / (passes * run.count) + 1;
  size_t j = 0;
  for (; j + kVectors * kLanes <= w.padded_dim; j += kVectors * kLanes)
    add_row_values<kType, kWhole, kRows, kVectors>(w, values, run.count, j, ahead, share);
  for (; j < w.padded_dim; j += kLanes)
    add_row_values<kType, kWhole, kRows, 1>(w, values, run.count, j, ahead, share);
}

template <KvType kType, bool kWhole, size_t kRows = kDirectRows>
inline void attend_rows_part(const AttentionArgs& args, const AttentionWork& w, const KeyRun& run,
                             const KeyRun& next) {
  if constexpr (kRows > 1) {
    if (w.rows < kRows) return attend_rows_part<kType, kWhole, kRows - 1>(args, w, run, next);
  }
  if constexpr (kType == KvType::i8) {
    attend_integer_rows<kWhole, kRows>(args, w, run, next);
  } else {
    attend_rows<kType, kWhole, kRows>(args, w, run, next);
  }
}

template <KvType kType>
inline void attend_type(const AttentionArgs& args, const AttentionWork& w, const KeyRun& run,
                        const KeyRun& next) {
  if (kType == KvType::i8 ? w.dim % kHalves == 0 : w.dim == w.padded_dim) {
    attend_rows_part<kType, true>(args, w, run, next);
  } else {
    attend_rows_part<kType, false>(args, w, run, next);
  }
}

/// The queries of at most kDirectRows rows, as their runs take them.
inline void arrange_queries(const AttentionArgs& args, const AttentionWork& w) {
  if (args.kv.type == KvType::i8) return quantize_queries(w);
  interleave_queries(w);
}

/// One run of keys for all rows, of which there are at most kDirectRows.
inline void attend_run_directly(const AttentionArgs& args, const AttentionWork& w, const KeyRun& run,
                                const KeyRun& next) {
  switch (args.kv.type) {
    case KvType::f32:
      return attend_type<KvType::f32>(args, w, run, next);
    case KvType::bf16:
      return attend_type<KvType::bf16>(args, w, run, next);
    case KvType::i8:
      return attend_type<KvType::i8>(args, w, run, next);
  }
}
