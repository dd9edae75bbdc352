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
                      reinterpret_cast<uint32_t*>(w.tile + j * kKeyTile + key), kKeyTile);
    }
  }
}

/// Keys of one run as f32 [dim][kKeyTile]; columns beyond the run are zero.
inline void stage_keys(const AttentionArgs& args, const AttentionWork& w, const KeyRun& run) {
  if (args.kv.type == KvType::i8) return stage_integer_keys(args, w, run);
  const bool halves = args.kv.type == KvType::bf16;
  const size_t row_bytes = kv_row_bytes(args.kv.type, w.dim);
  const char* keys = run_rows(args, w, args.kv.keys, run);
  for (size_t key = 0; key < kKeyTile; key += kLanes) {
    const size_t left = key < run.count ? run.count - key : 0;
    for (size_t at = 0; at < row_bytes; at += kLanes * 4) {
      const char* src = keys + key * row_bytes + at;
      uint32_t* tile = reinterpret_cast<uint32_t*>(w.tile) + key;
      if (!halves) {
        turn_rows(src, row_bytes, left, row_bytes - at, tile + at / 4 * kKeyTile, kKeyTile);
        continue;
      }
      alignas(64) uint32_t turned[kLanes][kLanes];
      turn_rows(src, row_bytes, left, row_bytes - at, turned[0], kLanes);
      for (size_t i = 0; i < kLanes && at / 2 + 2 * i < w.padded_dim; ++i) {
        const WordVec pair = load_words(turned[i]);
        store_words(tile + (at / 2 + 2 * i) * kKeyTile, shift_left_words(pair, 16));
        store_words(tile + (at / 2 + 2 * i + 1) * kKeyTile, and_words(pair, set_words(0xffff0000u)));
      }
    }
  }
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

struct Rows {
  const float* data;
  size_t stride;
};

/// Values of one run as f32 rows: the cache itself where it can be read as it is.
inline Rows stage_values(const AttentionArgs& args, const AttentionWork& w, const KeyRun& run) {
  const char* rows = run_rows(args, w, args.kv.values, run);
  const size_t row_bytes = kv_row_bytes(args.kv.type, w.dim);
  if (args.kv.type == KvType::f32 && w.dim == w.padded_dim)
    return {reinterpret_cast<const float*>(rows), w.dim};
  for (size_t key = 0; key < run.count; ++key) {
    float* dst = w.tile + key * w.padded_dim;
    const char* row = rows + key * row_bytes;
    if (args.kv.type == KvType::bf16) {
      embed_half_row<widen_bf16>(reinterpret_cast<const uint16_t*>(row), dst, w.dim, 1.0f);
    } else if (args.kv.type == KvType::i8) {
      const FloatVec scale = set_f32(kv_row_scale(row, w.dim));
      for (size_t j = 0; j < w.padded_dim; j += kLanes)
        store_f32(dst + j, multiply(load_kv<KvType::i8>(row, j, w.dim), scale));
    } else {
      memcpy(dst, row, w.dim * sizeof(float));
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
  if (w.rows <= kDirectRows) return attend_run_directly(args, w, run, next);
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

inline void finish_rows(const AttentionArgs& args, const AttentionWork& w) {
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
