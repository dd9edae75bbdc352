// SPDX-License-Identifier: Apache-2.0
// Windowed grouped-query attention with online softmax; contract in attention_args.h. Textual; needs a vec
// header and vec_math-inl.h. Everything is f32 but the cache.
//
// An item is a tile of queries and one KV head. Its rows are (query, head of the group), so that every key
// that is loaded serves the whole group. Keys come in tiles of at most 64 neighbouring slots: the visible
// positions of the tile's queries are the sinks and one range of positions, each cut where the ring ends. Per
// key tile:
//
//   keys transposed to f32 [head_dim][64]     one broadcast of a query then multiplies a vector of keys
//   scores [rows][64]                         register tiles of kRowTile rows x 4 vectors
//   softmax of each row over its own visible part of the tile; running maximum and sum
//   values as f32 [keys][head_dim]
//   sums [rows][head_dim] += scores * values  register tiles again
//
// Staging keys and values as f32 costs a few percent of a prefill and pays at a group of 1 already.

constexpr size_t kTileVectors = 4;
constexpr size_t kRowTile = kLanes == 16 ? 6 : 2;  // sums: 24 of 32, 8 of 16 registers
constexpr size_t kKeyTile = kAttentionKeyTile;

struct AttentionWork {
  size_t rows, group, dim, padded_dim;
  size_t token_begin, kv_head;
  float *q, *sum, *score, *largest, *total, *tile;
};

/// Neighbouring slots [slot, slot + count) that hold positions pos ...
struct KeyRun {
  int64_t pos;
  size_t slot, count;
};

inline AttentionWork make_work(const AttentionArgs& args, size_t item) {
  AttentionWork w;
  w.group = args.n_heads / args.kv.n_kv_heads;
  w.dim = args.kv.head_dim;
  w.padded_dim = (w.dim + 15) / 16 * 16;
  w.kv_head = item % args.kv.n_kv_heads;
  w.token_begin = item / args.kv.n_kv_heads * kAttentionQueryTile;
  const size_t left = args.n_tokens - w.token_begin;
  w.rows = (left < kAttentionQueryTile ? left : kAttentionQueryTile) * w.group;
  w.tile = static_cast<float*>(args.scratch);
  w.q = w.tile + kKeyTile * w.padded_dim;
  w.sum = w.q + w.rows * w.padded_dim;
  w.score = w.sum + w.rows * w.padded_dim;
  w.largest = w.score + w.rows * kKeyTile;
  w.total = w.largest + w.rows;
  return w;
}

/// The tile's queries, scaled. from: args.q or args.q_sink.
inline void load_queries(const AttentionArgs& args, const AttentionWork& w, const float* from) {
  for (size_t r = 0; r < w.rows; ++r) {
    const float* q =
        from + (w.token_begin + r / w.group) * args.q_stride + (w.kv_head * w.group + r % w.group) * w.dim;
    float* to = w.q + r * w.padded_dim;
    for (size_t j = 0; j < w.padded_dim; ++j) to[j] = j < w.dim ? q[j] * args.scale : 0.0f;
  }
}

inline void start_rows(const AttentionWork& w) {
  for (size_t r = 0; r < w.rows; ++r) {
    for (size_t j = 0; j < w.padded_dim; ++j) w.sum[r * w.padded_dim + j] = 0;
    w.largest[r] = -INFINITY;
    w.total[r] = 0;
  }
}

/// Keys of one run as f32 [dim][kKeyTile]; columns beyond the run are zero.
inline void stage_keys(const AttentionArgs& args, const AttentionWork& w, const KeyRun& run) {
  const bool halves = args.kv.type == KvType::bf16;
  const size_t row_bytes = w.dim * kv_size(args.kv.type);
  const char* keys =
      static_cast<const char*>(args.kv.keys) + (w.kv_head * args.kv.capacity + run.slot) * row_bytes;
  for (size_t key = 0; key < kKeyTile; key += kLanes) {
    for (size_t at = 0; at < row_bytes; at += kLanes * 4) {
      alignas(64) uint32_t block[kLanes][kLanes];
      const char* src = keys + key * row_bytes + at;
      size_t stride = row_bytes / 4;
      const size_t width = row_bytes - at < kLanes * 4 ? row_bytes - at : kLanes * 4;
      if (key + kLanes > run.count || width < kLanes * 4 || row_bytes % 4 != 0) {
        memset(block, 0, sizeof block);
        for (size_t i = 0; i < kLanes && key + i < run.count; ++i)
          memcpy(block[i], src + i * row_bytes, width);
        src = reinterpret_cast<const char*>(block);
        stride = kLanes;
      }
      const uint32_t* words = reinterpret_cast<const uint32_t*>(src);
      uint32_t* tile = reinterpret_cast<uint32_t*>(w.tile) + key;
      if (!halves) {
        transpose_words(words, stride, kLanes, tile + at / 4 * kKeyTile, kKeyTile);
        continue;
      }
      alignas(64) uint32_t turned[kLanes][kLanes];
      transpose_words(words, stride, kLanes, turned[0], kLanes);
      for (size_t i = 0; i < kLanes && at / 2 + 2 * i < w.padded_dim; ++i) {
        const WordVec pair = load_words(turned[i]);
        store_words(tile + (at / 2 + 2 * i) * kKeyTile, shift_left_words(pair, 16));
        store_words(tile + (at / 2 + 2 * i + 1) * kKeyTile, and_words(pair, set_words(0xffff0000u)));
      }
    }
  }
}

/// Lines to fetch from memory while something is computed, a few per step.
struct Ahead {
  const char* next;
  size_t lines;
  void step() {
    for (size_t i = 0; i < 2 && lines > 0; ++i, --lines, next += 64) _mm_prefetch(next, _MM_HINT_T0);
  }
};

inline Ahead fetch_run(const AttentionArgs& args, const AttentionWork& w, const void* base,
                       const KeyRun& run) {
  const size_t row_bytes = w.dim * kv_size(args.kv.type);
  return {static_cast<const char*>(base) + (w.kv_head * args.kv.capacity + run.slot) * row_bytes,
          run.count * row_bytes / 64};
}

/// sum [kRows][4 vectors] += left [kRows][steps] (stride) * right [steps][4 vectors] (stride). start: from
/// zero.
template <size_t kRows>
void multiply_rows_tile(const float* left, size_t left_stride, const float* right, size_t right_stride,
                        size_t steps, float* dst, size_t dst_stride, bool start, Ahead& ahead) {
  FloatVec sum[kRows][kTileVectors];
  TRANSOM_UNROLL
  for (size_t r = 0; r < kRows; ++r) {
    TRANSOM_UNROLL
    for (size_t v = 0; v < kTileVectors; ++v) sum[r][v] = zero_f32();
  }
  if (!start) {
    TRANSOM_UNROLL
    for (size_t r = 0; r < kRows; ++r) {
      TRANSOM_UNROLL
      for (size_t v = 0; v < kTileVectors; ++v) sum[r][v] = load_f32(dst + r * dst_stride + v * kLanes);
    }
  }
  for (size_t i = 0; i < steps; ++i) {
    ahead.step();
    FloatVec vector[kTileVectors];
    TRANSOM_UNROLL
    for (size_t v = 0; v < kTileVectors; ++v) vector[v] = load_f32(right + i * right_stride + v * kLanes);
    TRANSOM_UNROLL
    for (size_t r = 0; r < kRows; ++r) {
      const FloatVec factor = set_f32(left[r * left_stride + i]);
      TRANSOM_UNROLL
      for (size_t v = 0; v < kTileVectors; ++v) sum[r][v] = multiply_add(factor, vector[v], sum[r][v]);
    }
  }
  TRANSOM_UNROLL
  for (size_t r = 0; r < kRows; ++r) {
    TRANSOM_UNROLL
    for (size_t v = 0; v < kTileVectors; ++v) store_f32(dst + r * dst_stride + v * kLanes, sum[r][v]);
  }
}

template <size_t kRows = kRowTile>
void multiply_rows_part(size_t rows, const float* left, size_t left_stride, const float* right,
                        size_t right_stride, size_t steps, float* dst, size_t dst_stride, bool start,
                        Ahead& ahead) {
  if constexpr (kRows > 1) {
    if (rows < kRows) {
      return multiply_rows_part<kRows - 1>(rows, left, left_stride, right, right_stride, steps, dst,
                                           dst_stride, start, ahead);
    }
  }
  multiply_rows_tile<kRows>(left, left_stride, right, right_stride, steps, dst, dst_stride, start, ahead);
}

/// Visible part [begin, end) of a run for the query of row r; empty if begin >= end.
struct Visible {
  int64_t begin, end;
};

inline Visible visible_part(const AttentionArgs& args, const AttentionWork& w, const KeyRun& run, size_t r) {
  const int64_t q_pos = args.first_pos + static_cast<int64_t>(w.token_begin + r / w.group);
  const int64_t count = static_cast<int64_t>(run.count);
  Visible part = {0, q_pos + 1 - run.pos < count ? q_pos + 1 - run.pos : count};
  const bool sinks = run.pos < static_cast<int64_t>(args.kv.n_sinks);
  if (args.window > 0 && !sinks && q_pos - args.window + 1 > run.pos)
    part.begin = q_pos - args.window + 1 - run.pos;
  return part;
}

/// Scores of row r to weights exp(score - maximum), zero outside the visible part; rescales what was summed
/// before.
inline void softmax_row(const AttentionArgs& args, const AttentionWork& w, size_t r, const Visible& part) {
  float* score = w.score + r * kKeyTile;
  if (part.begin >= part.end) {
    for (size_t i = 0; i < kKeyTile; i += kLanes) store_f32(score + i, zero_f32());
    return;
  }
  if (args.soft_cap > 0) {
    const FloatVec cap = set_f32(args.soft_cap), inverse = set_f32(1.0f / args.soft_cap);
    for (size_t i = 0; i < kKeyTile; i += kLanes) {
      store_f32(score + i, multiply(cap, tanh_f32(multiply(load_f32(score + i), inverse))));
    }
  }
  for (int64_t i = 0; i < part.begin; ++i) score[i] = -INFINITY;
  for (int64_t i = part.end; i < static_cast<int64_t>(kKeyTile); ++i) score[i] = -INFINITY;
  FloatVec largest_lanes = set_f32(w.largest[r]);
  for (size_t i = 0; i < kKeyTile; i += kLanes) largest_lanes = larger(largest_lanes, load_f32(score + i));
  float lanes[kLanes];
  store_f32(lanes, largest_lanes);
  float largest = lanes[0];
  for (float lane : lanes) largest = lane > largest ? lane : largest;

  FloatVec total = zero_f32();
  for (size_t i = 0; i < kKeyTile; i += kLanes) {
    const FloatVec weight = exp_f32(subtract(load_f32(score + i), set_f32(largest)));
    store_f32(score + i, weight);
  }
  for (int64_t i = 0; i < part.begin; ++i) score[i] = 0;
  for (int64_t i = part.end; i < static_cast<int64_t>(kKeyTile); ++i) score[i] = 0;
  for (size_t i = 0; i < kKeyTile; i += kLanes) total = add_f32(total, load_f32(score + i));
  if (largest > w.largest[r]) {
    const float factor = expf(w.largest[r] - largest);  // 0 for the first tile
    w.total[r] *= factor;
    float* sum = w.sum + r * w.padded_dim;
    for (size_t j = 0; j < w.padded_dim; j += kLanes)
      store_f32(sum + j, multiply(load_f32(sum + j), set_f32(factor)));
    w.largest[r] = largest;
  }
  w.total[r] += lane_sum(total);
}

struct Rows {
  const float* data;
  size_t stride;
};

/// Values of one run as f32 rows: the cache itself where it can be read as it is.
inline Rows stage_values(const AttentionArgs& args, const AttentionWork& w, const KeyRun& run) {
  const size_t first = (w.kv_head * args.kv.capacity + run.slot) * w.dim;
  if (args.kv.type == KvType::f32 && w.dim == w.padded_dim) {
    return {static_cast<const float*>(args.kv.values) + first, w.dim};
  }
  for (size_t key = 0; key < run.count; ++key) {
    float* dst = w.tile + key * w.padded_dim;
    const size_t at = first + key * w.dim;
    if (args.kv.type == KvType::bf16) {
      embed_half_row<widen_bf16>(static_cast<const uint16_t*>(args.kv.values) + at, dst, w.dim, 1.0f);
    } else {
      memcpy(dst, static_cast<const float*>(args.kv.values) + at, w.dim * sizeof(float));
    }
    for (size_t j = w.dim; j < w.padded_dim; ++j) dst[j] = 0;
  }
  return {w.tile, w.padded_dim};
}

/// sum [rows][width] of a register tile's columns, for widths that are no multiple of 4 vectors (a head_dim
/// of 80).
inline void add_values(const AttentionWork& w, size_t r, size_t rows, const Rows& values, size_t count,
                       Ahead& ahead) {
  constexpr size_t kWidth = kTileVectors * kLanes;
  const float* score = w.score + r * kKeyTile;
  size_t j = 0;
  for (; j + kWidth <= w.padded_dim; j += kWidth) {
    multiply_rows_part(rows, score, kKeyTile, values.data + j, values.stride, count,
                       w.sum + r * w.padded_dim + j, w.padded_dim, false, ahead);
  }
  for (; j < w.padded_dim; j += kLanes) {
    for (size_t i = 0; i < rows; ++i) {
      float* sum = w.sum + (r + i) * w.padded_dim + j;
      FloatVec total = load_f32(sum);
      for (size_t key = 0; key < count; ++key) {
        total = multiply_add(set_f32(score[i * kKeyTile + key]),
                             load_f32(values.data + key * values.stride + j), total);
      }
      store_f32(sum, total);
    }
  }
}

/// One key tile for all rows. next: the run after it, fetched meanwhile; count 0: none.
inline void attend_run(const AttentionArgs& args, const AttentionWork& w, const KeyRun& run,
                       const KeyRun& next) {
  stage_keys(args, w, run);
  Ahead ahead = fetch_run(args, w, args.kv.values, run);
  constexpr size_t kWidth = kTileVectors * kLanes;
  for (size_t r = 0; r < w.rows; r += kRowTile) {
    const size_t rows = w.rows - r < kRowTile ? w.rows - r : kRowTile;
    for (size_t key = 0; key < kKeyTile; key += kWidth) {
      multiply_rows_part(rows, w.q + r * w.padded_dim, w.padded_dim, w.tile + key, kKeyTile, w.dim,
                         w.score + r * kKeyTile + key, kKeyTile, true, ahead);
    }
  }
  for (size_t r = 0; r < w.rows; ++r) softmax_row(args, w, r, visible_part(args, w, run, r));
  const Rows values = stage_values(args, w, run);
  ahead = fetch_run(args, w, args.kv.keys, next);
  for (size_t r = 0; r < w.rows; r += kRowTile) {
    add_values(w, r, w.rows - r < kRowTile ? w.rows - r : kRowTile, values, run.count, ahead);
  }
}

/// The runs of an item, in order of position: sinks, then the window. A run ends with a key tile, the sinks,
/// the ring or the last query's position.
class KeyRuns {
 public:
  KeyRuns(const AttentionArgs& args, const AttentionWork& w) : kv_(args.kv) {
    const int64_t first_query = args.first_pos + static_cast<int64_t>(w.token_begin);
    end_ = first_query + static_cast<int64_t>(w.rows / w.group);
    if (args.window > 0 && first_query - args.window + 1 > 0) window_begin_ = first_query - args.window + 1;
  }

  KeyRun next() {
    const int64_t sinks = static_cast<int64_t>(kv_.n_sinks);
    if (pos_ >= sinks && pos_ < window_begin_) pos_ = window_begin_;
    KeyRun run = {pos_, 0, 0};
    if (pos_ >= end_) return run;
    run.slot = ring_slot(pos_, kv_.n_sinks, kv_.capacity);
    const int64_t position_end = pos_ < sinks && sinks < end_ ? sinks : end_;
    const size_t slot_end = pos_ < sinks ? kv_.n_sinks : kv_.capacity;
    run.count = static_cast<size_t>(position_end - pos_);
    if (run.count > slot_end - run.slot) run.count = slot_end - run.slot;
    if (run.count > kKeyTile) run.count = kKeyTile;
    pos_ += static_cast<int64_t>(run.count);
    return run;
  }

 private:
  const KvView& kv_;
  int64_t pos_ = 0, end_ = 0, window_begin_ = 0;
};

inline void finish_rows(const AttentionArgs& args, const AttentionWork& w) {
  for (size_t r = 0; r < w.rows; ++r) {
    float* dst = args.dst + (w.token_begin + r / w.group) * args.dst_stride +
                 (w.kv_head * w.group + r % w.group) * w.dim;
    const FloatVec factor = set_f32(1.0f / w.total[r]);
    for_vectors(w.dim, [&](size_t j, auto lanes) {
      lanes.store(dst + j, multiply(load_f32(w.sum + r * w.padded_dim + j), factor));
    });
  }
}

inline void attend_items(const AttentionArgs& args) {
  for (size_t item = args.item_begin; item < args.item_end; ++item) {
    const AttentionWork w = make_work(args, item);
    start_rows(w);
    // The sinks come first; their scores take queries of their own.
    const int64_t sinks = args.q_sink == nullptr ? 0 : static_cast<int64_t>(args.kv.n_sinks);
    bool at_sinks = sinks > 0;
    load_queries(args, w, at_sinks ? args.q_sink : args.q);
    KeyRuns runs(args, w);
    for (KeyRun run = runs.next(); run.count > 0;) {
      if (at_sinks && run.pos >= sinks) {
        at_sinks = false;
        load_queries(args, w, args.q);
      }
      const KeyRun next = runs.next();
      attend_run(args, w, run, next);
      run = next;
    }
    finish_rows(args, w);
  }
}
