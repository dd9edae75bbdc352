// SPDX-License-Identifier: Apache-2.0
// What attention of few rows shares among the types of cache and of products: sums of lanes, what is fetched
// ahead, the order of a run. Textual; needs attention_tile-inl.h and
//   WordVec fold<kStep, add>(WordVec a, WordVec b)   a step of a sum of lanes
//   constexpr bool kFetchesNear                      whether fetch_near does anything

inline WordVec add_floats(WordVec a, WordVec b) { return as_words(add_f32(as_f32(a), as_f32(b))); }
template <size_t kStep>
inline WordVec fold_sums(WordVec a, WordVec b) {
  return fold<kStep, add_words>(a, b);
}
template <size_t kStep>
inline FloatVec fold_sums(FloatVec a, FloatVec b) {
  return as_f32(fold<kStep, add_floats>(as_words(a), as_words(b)));
}

/// v[0] = what the steps kFrom, kFrom / 2 .. kTo of fold_sums make of kFrom / kTo * 2 vectors.
template <size_t kFrom, size_t kTo, typename Vec>
TRANSOM_INLINE void fold_vectors(Vec* v) {
  constexpr size_t kHalf = kFrom / kTo;
  TRANSOM_UNROLL
  for (size_t i = 0; i < kHalf; ++i) v[i] = fold_sums<kFrom>(v[i], v[i + kHalf]);
  if constexpr (kHalf > 1) fold_vectors<kFrom / 2, kTo>(v);
}

/// Sums of kRows rows against kKeys keys, kLanes / kKeys apart from `key` on, each folded into one vector a
/// row, which lacks the steps from kLanes / kKeys / 2 on.
template <size_t kRows, size_t kKeys, typename Vec>
TRANSOM_INLINE void fold_keys(const Vec (*sum)[kRows], size_t key, Vec (*sums)[kLanes / kKeys]) {
  TRANSOM_UNROLL
  for (size_t r = 0; r < kRows; ++r) {
    Vec of_row[kKeys];
    TRANSOM_UNROLL
    for (size_t i = 0; i < kKeys; ++i) of_row[i] = sum[i][r];
    if constexpr (kKeys > 1) fold_vectors<kLanes / 2, kLanes / kKeys>(of_row);
    sums[r][key % kLanes] = of_row[0];
  }
}

/// Scales of kLanes rows from `key` on of a run of `count`, zeros beyond.
inline FloatVec lane_scales(const AttentionWork& w, const char* rows, size_t count, size_t key) {
  float scale[kLanes] = {};
  const size_t left = count - key;
  row_scales(rows + key * kv_row_bytes(KvType::i8, w.dim), w.dim, left < kLanes ? left : kLanes, scale);
  return load_f32(scale);
}

/// Weights times the scales of the run's values.
template <size_t kRows>
inline void scale_weights(const AttentionWork& w, const char* values, size_t count) {
  float scale[kKeyTile] = {};
  row_scales(values, w.dim, count, scale);
  for (size_t r = 0; r < kRows; ++r) {
    float* const score = w.score + r * kScoreStride;
    for (size_t key = 0; key < kKeyTile; key += kLanes)
      store_f32(score + key, multiply(load_f32(score + key), load_f32(scale + key)));
  }
}

/// Fetches `bytes` bytes, from byte `at` on, of a row further on to the first cache, which the second has by
/// now. Without, one head of bf16 had 90 % of the read bandwidth in place of 96 % on 2 cores of an Emerald
/// Rapids class Xeon; with it, one head of f32 had 73 % in place of 82 to 85 % on 2 Zen 4 cores (2026-11).
template <size_t kRowsNear = 8>
TRANSOM_INLINE void fetch_near(const char* row, size_t at, size_t bytes, size_t row_bytes) {
  if constexpr (!kFetchesNear) return;
  const char* const from = row + kRowsNear * row_bytes + at;
  for (size_t line = 0; line < bytes; line += 64) _mm_prefetch(from + line, _MM_HINT_T0);
}

// About what memory delivers while a row of weights is made.
constexpr size_t kLinesOfSoftmax = 4;

/// Keys and values of the next run on their way to the second cache, in small pieces between all that is done
/// for this one: what is fetched in bursts waits for memory while the core computes, and then the core waits.
struct NextRun {
  NextRun(const AttentionArgs& args, const AttentionWork& w, const KeyRun& next)
      : keys(fetch_run(args, w, args.kv.keys, next)), values(fetch_run(args, w, args.kv.values, next)) {}
  TRANSOM_INLINE void step(size_t lines) { keys.lines > 0 ? keys.step_far(lines) : values.step_far(lines); }
  void finish() {
    keys.step_far(keys.lines);
    values.step_far(values.lines);
  }

  Ahead keys, values;
};

/// One run of keys for few rows: scores of kLanes keys at a time, weights, sums of values.
/// score_group(w, keys, count, key, ahead, lines): scores of keys from `key` on, of the run's `count`; lines:
/// to fetch at each key. add_values(w, values, count, ahead): w.sum += weights * values. Both return what is
/// left to fetch.
template <auto score_group, auto add_values>
inline void attend_few_rows(const AttentionArgs& args, const AttentionWork& w, const KeyRun& run,
                            const KeyRun& next) {
  const char *keys = run_rows(args, w, args.kv.keys, run), *values = run_rows(args, w, args.kv.values, run);
  NextRun ahead(args, w, next);
  const size_t end = ceil_divide(run.count, kLanes) * kLanes, lines = ceil_divide(ahead.keys.lines, end);
  for (size_t key = 0; key < end; key += kLanes)
    ahead.keys = score_group(w, keys, run.count, key, ahead.keys, lines);
  softmax_rows(args, w, run, [&] { ahead.step(kLinesOfSoftmax); });
  ahead.values = add_values(w, values, run.count, ahead.values);
  ahead.finish();
}
