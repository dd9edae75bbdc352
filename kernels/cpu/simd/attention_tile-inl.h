// SPDX-License-Identifier: Apache-2.0
// What attention of few and of many rows share: the work of an item, the softmax. Textual; needs
// attention_keys.h, a vec header and vec_math-inl.h.

constexpr size_t kTileVectors = kLanes == 16 ? 4 : 2;
constexpr size_t kRowTile = 6;  // sums: 24 of 32, 12 of 16 registers
constexpr size_t kTileWidth = kTileVectors * kLanes;
constexpr size_t kKeyTile = kAttentionKeyTile;
// Rows of scores are skewed: the same column of six neighbouring rows would else lie in one bank of the L1
// cache, which reads it once a cycle.
constexpr size_t kScoreStride = kKeyTile + 4;

constexpr size_t ceil_divide(size_t a, size_t b) { return (a + b - 1) / b; }

struct AttentionWork {
  size_t item, rows, group, dim, padded_dim;
  size_t token_begin, kv_head;
  float *q, *sum, *score, *largest, *total, *tile;
};

inline AttentionWork make_work(const AttentionArgs& args, size_t item) {
  AttentionWork w;
  w.item = item;
  w.group = args.n_heads / args.kv.n_kv_heads;
  w.dim = args.kv.head_dim;
  w.padded_dim = attention_padded_dim(w.dim);
  w.kv_head = item % args.kv.n_kv_heads;
  const size_t tile = attention_query_tile(args);
  w.token_begin = item / args.kv.n_kv_heads * tile;
  const size_t left = args.n_tokens - w.token_begin;
  w.rows = (left < tile ? left : tile) * w.group;
  w.tile = static_cast<float*>(args.scratch);
  w.q = w.tile + kKeyTile * w.padded_dim;
  const size_t padded_rows = attention_padded_rows(w.rows);
  const size_t query_rows = (w.rows + kRowTile - 1) / kRowTile * kRowTile;
  w.sum = w.q + (query_rows > padded_rows ? query_rows : padded_rows) * w.padded_dim;
  w.score = w.sum + padded_rows * w.padded_dim;
  w.largest = w.score + padded_rows * kScoreStride;
  w.total = w.largest + w.rows;
  return w;
}

/// from: args.q or args.q_sink.
inline const float* query_row(const AttentionArgs& args, const AttentionWork& w, const float* from,
                              size_t r) {
  return from + (w.token_begin + r / w.group) * args.q_stride + (w.kv_head * w.group + r % w.group) * w.dim;
}

/// The tile's queries, scaled, [rows][padded_dim].
inline void load_queries(const AttentionArgs& args, const AttentionWork& w, const float* from) {
  for (size_t r = 0; r < w.rows; ++r) {
    const float* q = query_row(args, w, from, r);
    float* to = w.q + r * w.padded_dim;
    for (size_t j = w.dim; j < w.padded_dim; ++j) to[j] = 0;
    for_vectors(w.dim, [&](size_t j, auto lanes) {
      lanes.store(to + j, multiply(lanes.load(q + j), set_f32(args.scale)));
    });
  }
}

inline void start_rows(const AttentionWork& w) {
  for (size_t j = 0; j < w.rows * w.padded_dim; j += kLanes) store_f32(w.sum + j, zero_f32());
  for (size_t r = 0; r < w.rows; ++r) {
    w.largest[r] = -INFINITY;
    w.total[r] = 0;
  }
}

/// The rows of a run; blocks: args.kv.keys or args.kv.values.
inline const char* run_rows(const AttentionArgs& args, const AttentionWork& w, void* const* blocks,
                            const KeyRun& run) {
  return kv_row(args.kv, blocks, w.kv_head, run.slot);
}

/// Of a number of a row.
template <KvType kType>
constexpr size_t kBytes = kv_row_bytes(kType, 1) - kv_row_bytes(kType, 0);

/// kLanes numbers of e4m3, without NaNs, which no row holds: their bits, moved up, are those of themselves
/// times 2^-120.
TRANSOM_INLINE FloatVec widen_e4m3(const char* p) {
  const WordVec codes = widen_bytes(reinterpret_cast<const uint8_t*>(p));
  const FloatVec magnitude = as_f32(shift_left_words(and_words(codes, set_words(0x7f)), 20));
  const WordVec sign = shift_left_words(and_words(codes, set_words(0x80)), 24);
  return as_f32(or_words(as_words(multiply(magnitude, set_f32(0x1p120f))), sign));
}

/// Elements j .. j + kLanes of a row as f32, zeros beyond dim; i8 and e4m3 without their scale.
template <KvType kType>
TRANSOM_INLINE FloatVec load_kv(const char* row, size_t j, size_t dim) {
  char part[kLanes * 4];
  const char* from = row + j * kBytes<kType>;
  if (j + kLanes > dim) {
    memset(part, 0, sizeof part);
    if (j < dim) memcpy(part, from, (dim - j) * kBytes<kType>);
    from = part;
  }
  if constexpr (kType == KvType::f32) return load_f32(reinterpret_cast<const float*>(from));
  if constexpr (kType == KvType::bf16) return widen_bf16(reinterpret_cast<const uint16_t*>(from));
  if constexpr (kType == KvType::e4m3) return widen_e4m3(from);
  return widen_i8(reinterpret_cast<const int8_t*>(from));
}

/// Scales of `count` rows of a type that has them.
inline void row_scales(const char* rows, size_t dim, size_t count, float* scale) {
  static_assert(kv_row_bytes(KvType::e4m3, 1) == kv_row_bytes(KvType::i8, 1));
  const size_t row_bytes = kv_row_bytes(KvType::i8, dim);
  for (size_t i = 0; i < count; ++i) scale[i] = kv_row_scale(rows + i * row_bytes, dim);
}

/// kLanes words of kLanes rows, turned to dst [word][row] (stride in words). Rows from `count` on and bytes
/// from `width` on are zero; those are not read.
inline void turn_rows(const char* rows, size_t row_bytes, size_t count, size_t width, uint32_t* dst,
                      size_t dst_stride) {
  alignas(64) uint32_t block[kLanes][kLanes];
  size_t stride = row_bytes / 4;
  if (count < kLanes || width < kLanes * 4 || row_bytes % 4 != 0) {
    memset(block, 0, sizeof block);
    if (width > kLanes * 4) width = kLanes * 4;
    for (size_t i = 0; i < kLanes && i < count; ++i) memcpy(block[i], rows + i * row_bytes, width);
    rows = reinterpret_cast<const char*>(block);
    stride = kLanes;
  }
  transpose_words(reinterpret_cast<const uint32_t*>(rows), stride, kLanes, dst, dst_stride);
}

/// Lines to fetch from memory while something is computed, a few per step: to the first cache, or to the
/// second.
struct Ahead {
  const char* next;
  size_t lines;
  TRANSOM_INLINE void step(size_t count) {
    for (; count > 0 && lines > 0; --count, --lines, next += 64) _mm_prefetch(next, _MM_HINT_T0);
  }
  TRANSOM_INLINE void step_far(size_t count) {
    for (; count > 0 && lines > 0; --count, --lines, next += 64) _mm_prefetch(next, _MM_HINT_T1);
  }
};

inline Ahead fetch_run(const AttentionArgs& args, const AttentionWork& w, void* const* blocks,
                       const KeyRun& run) {
  if (run.count == 0) return {nullptr, 0};
  return {run_rows(args, w, blocks, run), run.count * kv_row_bytes(args.kv.type, w.dim) / 64};
}

/// The position of the query of row r.
inline int64_t query_position(const AttentionArgs& args, const AttentionWork& w, size_t r) {
  return args.first_pos + static_cast<int64_t>(w.token_begin + r / w.group);
}

// A weight of 2^-92 is lost beside the largest one, 1, however many keys there are. As zero it does not
// make subnormal products with values, each of which would take a hundred cycles.
constexpr float kLeastExponent = -92;

/// Scores outside the visible part become -inf, others bend to the cap. @return The largest that
/// is a number.
inline float mask_scores(const AttentionArgs& args, float* score, const VisibleKeys& part) {
  if (part.begin >= part.end) return -INFINITY;  // and nothing is done
  if (args.soft_cap > 0) {
    const FloatVec cap = set_f32(args.soft_cap), inverse = set_f32(1.0f / args.soft_cap);
    for (size_t i = 0; i < kKeyTile; i += kLanes)
      store_f32(score + i, multiply(cap, tanh_f32(multiply(load_f32(score + i), inverse))));
  }
  for (int64_t i = 0; i < part.begin; ++i) score[i] = -INFINITY;
  for (int64_t i = part.end; i < static_cast<int64_t>(kKeyTile); ++i) score[i] = -INFINITY;
  FloatVec largest = load_f32(score);
  TRANSOM_UNROLL
  for (size_t i = kLanes; i < kKeyTile; i += kLanes) largest = larger(largest, load_f32(score + i));
  return lane_max(largest);
}

/// Scores to weights 2^(score - largest). @return Their sum.
inline float weigh_scores(float* score, float largest) {
  FloatVec total = zero_f32();
  TRANSOM_UNROLL
  for (size_t i = 0; i < kKeyTile; i += kLanes) {
    const FloatVec below = subtract(load_f32(score + i), set_f32(largest));
    const FloatVec weight = zero_below(kLeastExponent, below, exp2_f32(below));
    total = add_f32(total, weight);
    store_f32(score + i, weight);
  }
  return lane_sum(total);
}

/// Makes what was summed for row r before that of a larger maximum.
inline void raise_largest(const AttentionWork& w, size_t r, float largest) {
  const float factor = exp2f(w.largest[r] - largest);  // 0 for the first tile
  w.total[r] *= factor;
  float* sum = w.sum + r * w.padded_dim;
  for (size_t j = 0; j < w.padded_dim; j += kLanes)
    store_f32(sum + j, multiply(load_f32(sum + j), set_f32(factor)));
  w.largest[r] = largest;
}

/// Scores of all rows against a run, in powers of two, to weights; zero outside the visible part. Rows are
/// taken several at a time, step by step, since each step waits for what it finds.
template <typename Between>
inline void softmax_rows(const AttentionArgs& args, const AttentionWork& w, const KeyRun& run,
                         const Between& between) {
  constexpr size_t kAtOnce = 8;
  for (size_t first = 0; first < w.rows; first += kAtOnce) {
    const size_t end = first + kAtOnce < w.rows ? first + kAtOnce : w.rows;
    float largest[kAtOnce];
    bool seen[kAtOnce];
    for (size_t r = first; r < end; ++r) {
      const VisibleKeys part = visible_keys(args, run, query_position(args, w, r));
      seen[r - first] = part.begin < part.end;
      largest[r - first] = mask_scores(args, w.score + r * kScoreStride, part);
    }
    for (size_t r = first; r < end; ++r) {
      between();
      float* const score = w.score + r * kScoreStride;
      if (!seen[r - first]) {
        for (size_t i = 0; i < kKeyTile; i += kLanes) store_f32(score + i, zero_f32());
        continue;
      }
      if (largest[r - first] > w.largest[r]) raise_largest(w, r, largest[r - first]);
      w.total[r] += weigh_scores(score, w.largest[r]);
    }
  }
}

/// Where the results of row r go.
inline float* result_row(const AttentionArgs& args, const AttentionWork& w, size_t r) {
  return args.dst + (w.token_begin + r / w.group) * args.dst_stride +
         (w.kv_head * w.group + r % w.group) * w.dim;
}

/// What a part of an item leaves behind: for each row its sum [padded_dim], largest score and total.
inline float* partial_rows(const AttentionArgs& args, const AttentionWork& w, size_t part) {
  return args.partial + (w.item * args.n_parts + part) * w.rows * (w.padded_dim + 2);
}
