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

/// Where kLanes keys of column j stand in the staged tile, from `key` on. Panels of kTileWidth keys, each
/// [padded_dim][kTileWidth], so that what a register tile reads lies in one stream.
inline float* staged_key(const AttentionWork& w, size_t key, size_t j) {
  return w.tile + (key / kTileWidth * w.padded_dim + j) * kTileWidth + key % kTileWidth;
}

/// i8 keys: as stage_keys, which see.
inline void stage_integer_keys(const AttentionArgs& args, const AttentionWork& w, const KeyRun& run) {
  const char* keys = run_rows(args, w, args.kv.keys, run);
  const size_t row_bytes = kv_row_bytes(KvType::i8, w.dim);
  for (size_t key = 0; key < kKeyTile; key += kLanes) {
    for (size_t j = 0; j < w.padded_dim; j += kLanes) {
      alignas(64) float block[kLanes][kLanes] = {};
      for (size_t i = 0; i < kLanes && key + i < run.count; ++i) {
        const char* row = keys + (key + i) * row_bytes;
        store_f32(block[i], multiply(load_kv<KvType::i8>(row, j, w.dim), set_f32(kv_row_scale(row, w.dim))));
      }
      transpose_words(reinterpret_cast<const uint32_t*>(block), kLanes, kLanes,
                      reinterpret_cast<uint32_t*>(staged_key(w, key, j)), kTileWidth);
    }
  }
}

/// Keys of one run as f32, as staged_key says; those beyond the run are zero.
inline void stage_keys(const AttentionArgs& args, const AttentionWork& w, const KeyRun& run) {
  if (args.kv.type == KvType::i8) return stage_integer_keys(args, w, run);
  const bool halves = args.kv.type == KvType::bf16;
  const size_t row_bytes = kv_row_bytes(args.kv.type, w.dim);
  const char* keys = run_rows(args, w, args.kv.keys, run);
  for (size_t key = 0; key < kKeyTile; key += kLanes) {
    const size_t left = key < run.count ? run.count - key : 0;
    for (size_t at = 0; at < row_bytes; at += kLanes * 4) {
      const char* src = keys + key * row_bytes + at;
      uint32_t* tile = reinterpret_cast<uint32_t*>(staged_key(w, key, halves ? at / 2 : at / 4));
      if (!halves) {
        turn_rows(src, row_bytes, left, row_bytes - at, tile, kTileWidth);
        continue;
      }
      alignas(64) uint32_t turned[kLanes][kLanes];
      turn_rows(src, row_bytes, left, row_bytes - at, turned[0], kLanes);
      for (size_t i = 0; i < kLanes && at / 2 + 2 * i < w.padded_dim; ++i) {
        const WordVec pair = load_words(turned[i]);
        store_words(tile + 2 * i * kTileWidth, shift_left_words(pair, 16));
        store_words(tile + (2 * i + 1) * kTileWidth, and_words(pair, set_words(0xffff0000u)));
      }
    }
  }
}

/// The left factor of a register tile: element (row, step) at data[row * kRow + step * kStep].
template <size_t kRow, size_t kStep>
struct Left {
  const float* data;
  float at(size_t row, size_t step) const { return data[row * kRow + step * kStep]; }
};
using QueryTile = Left<1, kRowTile>;
using ScoreTile = Left<kScoreStride, 1>;

/// dst [kRows][kTileWidth] (dst_stride) += left [kRows][steps] * right [steps][kTileWidth]. kStart: =
/// instead.
template <bool kStart, size_t kRows, typename Left>
void multiply_tile(const Left& left, const float* right, size_t steps, float* dst, size_t dst_stride) {
  FloatVec sum[kRows][kTileVectors];
  TRANSOM_UNROLL
  for (size_t r = 0; r < kRows; ++r) {
    TRANSOM_UNROLL
    for (size_t v = 0; v < kTileVectors; ++v)
      sum[r][v] = kStart ? zero_f32() : load_f32(dst + r * dst_stride + v * kLanes);
  }
  for (size_t i = 0; i < steps; ++i, right += kTileWidth) {
    FloatVec vector[kTileVectors];
    TRANSOM_UNROLL
    for (size_t v = 0; v < kTileVectors; ++v) vector[v] = load_f32(right + v * kLanes);
    TRANSOM_UNROLL
    for (size_t r = 0; r < kRows; ++r) {
      const FloatVec factor = set_f32(left.at(r, i));
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

/// The same for rows <= kRows.
template <bool kStart, size_t kRows = kRowTile, typename Left>
void multiply_rows(size_t rows, const Left& left, const float* right, size_t steps, float* dst,
                   size_t dst_stride) {
  if constexpr (kRows > 1) {
    if (rows < kRows) return multiply_rows<kStart, kRows - 1>(rows, left, right, steps, dst, dst_stride);
  }
  multiply_tile<kStart, kRows>(left, right, steps, dst, dst_stride);
}

/// Columns of the staged panel of values that begins at column `panel`: [kKeyTile][panel_width] at
/// w.tile + panel * kKeyTile.
inline size_t panel_width(const AttentionWork& w, size_t panel) {
  return w.padded_dim - panel < kTileWidth ? w.padded_dim - panel : kTileWidth;
}

template <KvType kType>
inline void stage_value_rows(const AttentionWork& w, const char* rows, size_t count) {
  const size_t row_bytes = kv_row_bytes(kType, w.dim);
  for (size_t key = 0; key < count; ++key, rows += row_bytes) {
    const FloatVec scale = set_f32(kType == KvType::i8 ? kv_row_scale(rows, w.dim) : 1.0f);
    for (size_t panel = 0; panel < w.padded_dim; panel += kTileWidth) {
      const size_t width = panel_width(w, panel);
      float* dst = w.tile + panel * kKeyTile + key * width;
      for (size_t j = 0; j < width; j += kLanes) {
        const FloatVec value = load_kv<kType>(rows, panel + j, w.dim);
        store_f32(dst + j, kType == KvType::i8 ? multiply(value, scale) : value);
      }
    }
  }
}

inline void stage_values(const AttentionArgs& args, const AttentionWork& w, const KeyRun& run) {
  const char* rows = run_rows(args, w, args.kv.values, run);
  switch (args.kv.type) {
    case KvType::f32:
      return stage_value_rows<KvType::f32>(w, rows, run.count);
    case KvType::bf16:
      return stage_value_rows<KvType::bf16>(w, rows, run.count);
    case KvType::i8:
      return stage_value_rows<KvType::i8>(w, rows, run.count);
  }
}

/// A panel that is narrower than a register tile (a head_dim of 80).
inline void add_narrow_values(const AttentionWork& w, size_t rows, const ScoreTile& score,
                              const float* values, size_t width, size_t count, float* sum) {
  for (size_t r = 0; r < rows; ++r) {
    for (size_t j = 0; j < width; j += kLanes) {
      FloatVec total = load_f32(sum + r * w.padded_dim + j);
      for (size_t key = 0; key < count; ++key) {
        total = multiply_add(set_f32(score.at(r, key)), load_f32(values + key * width + j), total);
      }
      store_f32(sum + r * w.padded_dim + j, total);
    }
  }
}

/// score [rows][kKeyTile] = queries * staged keys. ahead: fetched meanwhile.
inline void score_rows(const AttentionWork& w, Ahead ahead) {
  const size_t row_tiles = (w.rows + kRowTile - 1) / kRowTile;
  const size_t lines = ahead.lines / (row_tiles * (kKeyTile / kTileWidth)) + 1;
  for (size_t key = 0; key < kKeyTile; key += kTileWidth) {
    for (size_t r = 0; r < w.rows; r += kRowTile) {
      ahead.step(lines);
      multiply_rows<true>(w.rows - r, QueryTile{w.q + r * w.padded_dim}, staged_key(w, key, 0), w.dim,
                          w.score + r * kScoreStride + key, kScoreStride);
    }
  }
}

/// sum [rows][padded_dim] += score [rows][count] * staged values. ahead: fetched meanwhile.
inline void add_values(const AttentionWork& w, size_t count, Ahead ahead) {
  const size_t row_tiles = (w.rows + kRowTile - 1) / kRowTile;
  const size_t lines = ahead.lines / (row_tiles * ((w.padded_dim + kTileWidth - 1) / kTileWidth)) + 1;
  for (size_t panel = 0; panel < w.padded_dim; panel += kTileWidth) {
    const float* values = w.tile + panel * kKeyTile;
    const size_t width = panel_width(w, panel);
    for (size_t r = 0; r < w.rows; r += kRowTile) {
      ahead.step(lines);
      const size_t rows = w.rows - r < kRowTile ? w.rows - r : kRowTile;
      const ScoreTile score{w.score + r * kScoreStride};
      float* sum = w.sum + r * w.padded_dim + panel;
      if (width == kTileWidth) {
        multiply_rows<false>(rows, score, values, count, sum, w.padded_dim);
      } else {
        add_narrow_values(w, rows, score, values, width, count, sum);
      }
    }
  }
}

/// One key tile for all rows. next: the run after it, fetched meanwhile; count 0: none.
inline void attend_run(const AttentionArgs& args, const AttentionWork& w, const KeyRun& run,
                       const KeyRun& next) {
  if (w.rows <= kDirectRows) return attend_run_directly(args, w, run, next);
  stage_keys(args, w, run);
  score_rows(w, fetch_run(args, w, args.kv.values, run));
  for (size_t r = 0; r < w.rows; ++r) softmax_row(args, w, r, visible_part(args, w, run, r));
  stage_values(args, w, run);
  add_values(w, run.count, fetch_run(args, w, args.kv.keys, next));
}

inline void finish_rows(const AttentionArgs& args, const AttentionWork& w) {
  if (w.rows <= kDirectRows) arrange_sums(args, w);
  if (args.n_parts > 1) {
    float* to = partial_rows(args, w, args.part);
    for (size_t r = 0; r < w.rows; ++r, to += w.padded_dim + 2) {
      memcpy(to, w.sum + r * w.padded_dim, w.padded_dim * sizeof(float));
      to[w.padded_dim] = w.largest[r];
      to[w.padded_dim + 1] = w.total[r];
    }
    return;
  }
  for (size_t r = 0; r < w.rows; ++r) {
    float* dst = result_row(args, w, r);
    const FloatVec factor = set_f32(1.0f / w.total[r]);
    for_vectors(w.dim, [&](size_t j, auto lanes) {
      lanes.store(dst + j, multiply(load_f32(w.sum + r * w.padded_dim + j), factor));
    });
  }
}

/// from: args.q or args.q_sink.
inline void take_queries(const AttentionArgs& args, const AttentionWork& w, const float* from) {
  load_queries(args, w, from);
  if (w.rows <= kDirectRows) arrange_queries(args, w);
}

inline void attend_items(const AttentionArgs& args) {
  for (size_t item = args.item_begin; item < args.item_end; ++item) {
    const AttentionWork w = make_work(args, item);
    start_rows(w);
    // The sinks come first; their scores take queries of their own.
    const int64_t sinks = args.q_sink == nullptr ? 0 : static_cast<int64_t>(args.kv.n_sinks);
    KeyRuns runs(args, w);
    KeyRun run = runs.next();
    bool at_sinks = run.pos < sinks;
    take_queries(args, w, at_sinks ? args.q_sink : args.q);
    while (run.count > 0) {
      if (at_sinks && run.pos >= sinks) {
        at_sinks = false;
        take_queries(args, w, args.q);
      }
      const KeyRun next = runs.next();
      attend_run(args, w, run, next);
      run = next;
    }
    finish_rows(args, w);
  }
}

/// One row of all parts: their sums of values, each in the scale of the largest score.
inline void merge_row(const AttentionArgs& args, const AttentionWork& w, size_t r) {
  const size_t stride = w.padded_dim + 2;
  float largest = -INFINITY, total = 0, factor[kMostParts];
  for (size_t part = 0; part < args.n_parts; ++part) {
    const float here = partial_rows(args, w, part)[r * stride + w.padded_dim];
    largest = here > largest ? here : largest;
  }
  for (size_t part = 0; part < args.n_parts; ++part) {
    const float* state = partial_rows(args, w, part) + r * stride + w.padded_dim;
    factor[part] = state[1] > 0 ? expf(state[0] - largest) : 0.0f;  // a part without visible keys
    if (state[1] != state[1]) factor[part] = state[1];
    total += factor[part] * state[1];
  }
  float* dst = result_row(args, w, r);
  for_vectors(w.dim, [&](size_t j, auto lanes) {
    FloatVec sum = zero_f32();
    for (size_t part = 0; part < args.n_parts; ++part) {
      const float* from = partial_rows(args, w, part) + r * stride + j;
      sum = multiply_add(set_f32(factor[part]), load_f32(from), sum);
    }
    lanes.store(dst + j, multiply(sum, set_f32(1.0f / total)));
  });
}

inline void merge_parts(const AttentionArgs& args) {
  for (size_t item = 0; item < args.kv.n_kv_heads; ++item) {
    const AttentionWork w = make_work(args, item);
    for (size_t r = 0; r < w.rows; ++r) merge_row(args, w, r);
  }
}
