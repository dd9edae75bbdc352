// SPDX-License-Identifier: Apache-2.0
// Attention of many rows to one tile of keys: staging, scores, sums. Textual; needs attention_tile-inl.h and
// how register tiles multiply,
//
//   Products      kInputs inputs to a 32-bit word; accumulate(sum, word of the left factor, of the right one)
//   FloatProducts one f32 to a word
//   Bf16Products  those for a cache of bf16: FloatProducts, or two bf16 to a word
//
// Keys are turned to [columns / kInputs][64], so that one broadcast of a query multiplies a vector of keys;
// values keep their order, rows of kInputs keys interleaved.

inline uint32_t* words_of(float* p) { return reinterpret_cast<uint32_t*>(p); }

/// The queries of the tile, scaled, for register tiles: [rows / kRowTile][padded_dim / kInputs][kRowTile]
/// words. from: args.q or args.q_sink.
template <typename Products>
inline void pack_queries(const AttentionArgs& args, const AttentionWork& w, const float* from) {
  constexpr size_t kInputs = Products::kInputs;
  for (size_t r = 0; r < w.rows; ++r) {
    const float* q = query_row(args, w, from, r);
    const size_t first = r % kRowTile;
    char* to = reinterpret_cast<char*>(words_of(w.q) + (r - first) * (w.padded_dim / kInputs) + first);
    for (size_t j = 0; j < w.padded_dim; ++j) {
      const float value = j < w.dim ? q[j] * args.scale : 0.0f;
      char* word = to + j / kInputs * kRowTile * sizeof(float);
      if constexpr (kInputs == 1) {
        memcpy(word, &value, sizeof value);
      } else {
        const uint16_t half = f32_to_bf16(value);
        memcpy(word + j % kInputs * sizeof half, &half, sizeof half);
      }
    }
  }
}

/// Where kLanes keys of a word of columns stand in the staged tile, from `key` on. Panels of kTileWidth keys,
/// each [padded_dim / kInputs][kTileWidth], so that what a register tile reads lies in one stream.
template <typename Products>
inline uint32_t* staged_key(const AttentionWork& w, size_t key, size_t word) {
  const size_t words = w.padded_dim / Products::kInputs;
  return words_of(w.tile) + (key / kTileWidth * words + word) * kTileWidth + key % kTileWidth;
}

/// Keys with scales: as stage_keys, which see.
template <KvType kType>
inline void stage_scaled_keys(const AttentionWork& w, const char* keys, size_t count) {
  const size_t row_bytes = kv_row_bytes(kType, w.dim);
  for (size_t key = 0; key < kKeyTile; key += kLanes) {
    for (size_t j = 0; j < w.padded_dim; j += kLanes) {
      alignas(64) float block[kLanes][kLanes] = {};
      for (size_t i = 0; i < kLanes && key + i < count; ++i) {
        const char* row = keys + (key + i) * row_bytes;
        store_f32(block[i], multiply(load_kv<kType>(row, j, w.dim), set_f32(kv_row_scale(row, w.dim))));
      }
      transpose_words(words_of(block[0]), kLanes, kLanes, staged_key<FloatProducts>(w, key, j), kTileWidth);
    }
  }
}

/// Keys of one run, as staged_key says; those beyond the run are zero.
template <typename Products>
inline void stage_keys(const AttentionArgs& args, const AttentionWork& w, const KeyRun& run) {
  const char* keys = run_rows(args, w, args.kv.keys, run);
  if (args.kv.type == KvType::i8) return stage_scaled_keys<KvType::i8>(w, keys, run.count);
  if (args.kv.type == KvType::e4m3) return stage_scaled_keys<KvType::e4m3>(w, keys, run.count);
  const bool widen = args.kv.type == KvType::bf16 && Products::kInputs == 1;
  const size_t row_bytes = kv_row_bytes(args.kv.type, w.dim);
  for (size_t key = 0; key < kKeyTile; key += kLanes) {
    const size_t left = key < run.count ? run.count - key : 0;
    for (size_t at = 0; at < row_bytes; at += kLanes * 4) {
      const char* src = keys + key * row_bytes + at;
      uint32_t* tile = staged_key<Products>(w, key, widen ? at / 2 : at / 4);
      if (!widen) {
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

/// The left factor of a register tile: word (row, step) at data[row * kRow + step * kStep].
template <size_t kRow, size_t kStep>
struct Left {
  const float* data;
  WordVec at(size_t row, size_t step) const {
    uint32_t word;
    memcpy(&word, data + row * kRow + step * kStep, sizeof word);
    return set_words(word);
  }
};
using QueryTile = Left<1, kRowTile>;
using ScoreTile = Left<kScoreStride, 1>;

/// dst [kRows][kTileWidth] (dst_stride) += left [kRows][steps] * right [steps][kTileWidth]. kStart: =
/// instead.
template <typename Products, bool kStart, size_t kRows, typename Left>
void multiply_tile(const Left& left, const uint32_t* right, size_t steps, float* dst, size_t dst_stride) {
  FloatVec sum[kRows][kTileVectors];
  TRANSOM_UNROLL
  for (size_t r = 0; r < kRows; ++r) {
    TRANSOM_UNROLL
    for (size_t v = 0; v < kTileVectors; ++v)
      sum[r][v] = kStart ? zero_f32() : load_f32(dst + r * dst_stride + v * kLanes);
  }
  for (size_t i = 0; i < steps; ++i, right += kTileWidth) {
    WordVec vector[kTileVectors];
    TRANSOM_UNROLL
    for (size_t v = 0; v < kTileVectors; ++v) vector[v] = load_words(right + v * kLanes);
    TRANSOM_UNROLL
    for (size_t r = 0; r < kRows; ++r) {
      const WordVec factor = left.at(r, i);
      TRANSOM_UNROLL
      for (size_t v = 0; v < kTileVectors; ++v)
        sum[r][v] = Products::accumulate(sum[r][v], factor, vector[v]);
    }
  }
  TRANSOM_UNROLL
  for (size_t r = 0; r < kRows; ++r) {
    TRANSOM_UNROLL
    for (size_t v = 0; v < kTileVectors; ++v) store_f32(dst + r * dst_stride + v * kLanes, sum[r][v]);
  }
}

/// The same for rows <= kRows.
template <typename Products, bool kStart, size_t kRows = kRowTile, typename Left>
void multiply_rows(size_t rows, const Left& left, const uint32_t* right, size_t steps, float* dst,
                   size_t dst_stride) {
  if constexpr (kRows > 1) {
    if (rows < kRows)
      return multiply_rows<Products, kStart, kRows - 1>(rows, left, right, steps, dst, dst_stride);
  }
  multiply_tile<Products, kStart, kRows>(left, right, steps, dst, dst_stride);
}

/// score [rows][kKeyTile] = queries * staged keys. ahead: fetched meanwhile.
template <typename Products>
inline void score_rows(const AttentionWork& w, Ahead ahead) {
  constexpr size_t kInputs = Products::kInputs;
  const size_t row_tiles = (w.rows + kRowTile - 1) / kRowTile;
  const size_t lines = ahead.lines / (row_tiles * (kKeyTile / kTileWidth)) + 1;
  for (size_t key = 0; key < kKeyTile; key += kTileWidth) {
    for (size_t r = 0; r < w.rows; r += kRowTile) {
      ahead.step(lines);
      const QueryTile queries{w.q + r * (w.padded_dim / kInputs)};
      multiply_rows<Products, true>(w.rows - r, queries, staged_key<Products>(w, key, 0),
                                    (w.dim + kInputs - 1) / kInputs, w.score + r * kScoreStride + key,
                                    kScoreStride);
    }
  }
}

/// Weights as the left factor: of two inputs to a word, rounded, in the first half of their row.
template <typename Products>
inline void pack_weights(const AttentionWork& w) {
  if constexpr (Products::kInputs == 1) return;
  for (size_t r = 0; r < w.rows; ++r) {
    float* row = w.score + r * kScoreStride;
    for (size_t key = 0; key < kKeyTile; key += kLanes) {
      uint16_t rounded[kLanes];
      store_low_halves(rounded, round_bf16(load_f32(row + key)));
      memcpy(reinterpret_cast<char*>(row) + key * sizeof(uint16_t), rounded, sizeof rounded);
    }
  }
}

/// Columns of the staged panel of values that begins at column `panel`: [kKeyTile / kInputs][panel_width]
/// words at w.tile + panel * kKeyTile / kInputs.
inline size_t panel_width(const AttentionWork& w, size_t panel) {
  return w.padded_dim - panel < kTileWidth ? w.padded_dim - panel : kTileWidth;
}

/// One word of each of kLanes columns, from column j on, of rows `key` ... key + kInputs - 1; zeros for those
/// from `count` on.
template <typename Products, KvType kType>
TRANSOM_INLINE WordVec value_words(const AttentionWork& w, const char* rows, size_t count, size_t key,
                                   size_t j) {
  const size_t row_bytes = kv_row_bytes(kType, w.dim);
  const char* row = rows + key * row_bytes;
  const FloatVec value = load_kv<kType>(row, j, w.dim);
  if constexpr (Products::kInputs == 2) {
    const WordVec low = shift_right_words(as_words(value), 16);
    if (key + 1 == count) return low;
    return or_words(low, as_words(load_kv<kType>(row + row_bytes, j, w.dim)));
  }
  return as_words(kv_has_scales(kType) ? multiply(value, set_f32(kv_row_scale(row, w.dim))) : value);
}

template <typename Products, KvType kType>
inline void stage_value_rows(const AttentionWork& w, const char* rows, size_t count) {
  constexpr size_t kInputs = Products::kInputs;
  for (size_t key = 0; key < count; key += kInputs) {
    for (size_t panel = 0; panel < w.padded_dim; panel += kTileWidth) {
      const size_t width = panel_width(w, panel);
      uint32_t* dst = words_of(w.tile) + (panel * kKeyTile + key * width) / kInputs;
      for (size_t j = 0; j < width; j += kLanes)
        store_words(dst + j, value_words<Products, kType>(w, rows, count, key, panel + j));
    }
  }
}

template <typename Products>
inline void stage_values(const AttentionArgs& args, const AttentionWork& w, const KeyRun& run) {
  const char* rows = run_rows(args, w, args.kv.values, run);
  if (args.kv.type == KvType::bf16) return stage_value_rows<Products, KvType::bf16>(w, rows, run.count);
  if (args.kv.type == KvType::f32) return stage_value_rows<FloatProducts, KvType::f32>(w, rows, run.count);
  if (args.kv.type == KvType::e4m3) return stage_value_rows<FloatProducts, KvType::e4m3>(w, rows, run.count);
  stage_value_rows<FloatProducts, KvType::i8>(w, rows, run.count);
}

/// A panel that is narrower than a register tile (a head_dim of 80).
template <typename Products>
inline void add_narrow_values(const AttentionWork& w, size_t rows, const ScoreTile& score,
                              const uint32_t* values, size_t width, size_t steps, float* sum) {
  for (size_t r = 0; r < rows; ++r) {
    for (size_t j = 0; j < width; j += kLanes) {
      FloatVec total = load_f32(sum + r * w.padded_dim + j);
      for (size_t i = 0; i < steps; ++i)
        total = Products::accumulate(total, score.at(r, i), load_words(values + i * width + j));
      store_f32(sum + r * w.padded_dim + j, total);
    }
  }
}

/// sum [rows][padded_dim] += score [rows][count] * staged values. ahead: fetched meanwhile.
template <typename Products>
inline void add_values(const AttentionWork& w, size_t count, Ahead ahead) {
  constexpr size_t kInputs = Products::kInputs;
  const size_t row_tiles = (w.rows + kRowTile - 1) / kRowTile, steps = (count + kInputs - 1) / kInputs;
  const size_t lines = ahead.lines / (row_tiles * ((w.padded_dim + kTileWidth - 1) / kTileWidth)) + 1;
  for (size_t panel = 0; panel < w.padded_dim; panel += kTileWidth) {
    const uint32_t* values = words_of(w.tile) + panel * (kKeyTile / kInputs);
    const size_t width = panel_width(w, panel);
    for (size_t r = 0; r < w.rows; r += kRowTile) {
      ahead.step(lines);
      const size_t rows = w.rows - r < kRowTile ? w.rows - r : kRowTile;
      const ScoreTile score{w.score + r * kScoreStride};
      float* sum = w.sum + r * w.padded_dim + panel;
      if (width == kTileWidth) {
        multiply_rows<Products, false>(rows, score, values, steps, sum, w.padded_dim);
      } else {
        add_narrow_values<Products>(w, rows, score, values, width, steps, sum);
      }
    }
  }
}

/// One key tile for all rows. next: the run after it, fetched meanwhile; count 0: none.
template <typename Products>
inline void attend_tile(const AttentionArgs& args, const AttentionWork& w, const KeyRun& run,
                        const KeyRun& next) {
  stage_keys<Products>(args, w, run);
  score_rows<Products>(w, fetch_run(args, w, args.kv.values, run));
  softmax_rows(args, w, run, [] {});
  pack_weights<Products>(w);
  stage_values<Products>(args, w, run);
  add_values<Products>(w, run.count, fetch_run(args, w, args.kv.keys, next));
}
