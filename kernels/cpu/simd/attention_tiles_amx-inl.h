// SPDX-License-Identifier: Apache-2.0
// Attention of many rows to bf16 keys and values by matrix tiles (AMX). Textual; needs attention_gemm-inl.h,
// tiles_amx-inl.h and Bf16Products.
//
// Staged keys and values are pairs in words, which is what the tile unit takes as right factor; queries and
// weights are its left factor as plain rows. 16 rows are multiplied with 64 columns at a time, so that a tile
// of the left factor that is loaded serves four of the right one.

constexpr size_t kTilePairs = kTile, kTileInputs = 2 * kTilePairs;  // of one step
constexpr size_t kTilesAcross = kTileWidth / kTile;
static_assert(kTilesAcross == 4 && kKeyTile == kTileWidth && kAttentionDimStep == kTileInputs);

inline size_t row_tiles(const AttentionWork& w) { return attention_padded_rows(w.rows) / kTile; }

/// Tiles [rows / 16][padded_dim / 32], each [16][32]; rows beyond the last are zeros.
template <>
inline void pack_queries<Bf16Products>(const AttentionArgs& args, const AttentionWork& w, const float* from) {
  uint16_t* const tiles = reinterpret_cast<uint16_t*>(w.q);
  const FloatVec scale = set_f32(args.scale);
  for (size_t r = 0; r < attention_padded_rows(w.rows); ++r) {
    uint16_t* to = tiles + r / kTile * kTile * w.padded_dim + r % kTile * kTileInputs;
    const float* q = r < w.rows ? query_row(args, w, from, r) : nullptr;
    for (size_t j = 0; j < w.padded_dim; j += kLanes) {
      const size_t left = q == nullptr || j >= w.dim ? 0 : w.dim - j;
      const FloatVec values = left >= kLanes ? load_f32(q + j)
                              : left > 0     ? load_f32_part(q + j, left)
                                             : zero_f32();
      store_low_halves(to + j / kTileInputs * kTile * kTileInputs + j % kTileInputs,
                       round_bf16(multiply(values, scale)));
    }
  }
}

/// Sums of 16 rows and kColumns tiles of columns += a step of rows * words, whose rows are `stride` bytes
/// apart.
template <size_t kColumns>
TRANSOM_INLINE void add_tile_step(const char* rows, size_t row_stride, const char* words, size_t stride) {
  _tile_loadd(4, rows, row_stride);
  _tile_loadd(6, words, stride);
  _tile_dpbf16ps(0, 4, 6);
  _tile_loadd(7, words + kTileBytes, stride);
  _tile_dpbf16ps(1, 4, 7);
  if constexpr (kColumns == kTilesAcross) {
    _tile_loadd(6, words + 2 * kTileBytes, stride);
    _tile_dpbf16ps(2, 4, 6);
    _tile_loadd(7, words + 3 * kTileBytes, stride);
    _tile_dpbf16ps(3, 4, 7);
  }
}

template <>
inline void score_rows<Bf16Products>(const AttentionWork& w, Ahead ahead) {
  constexpr size_t kStride = kTileWidth * sizeof(uint32_t);
  const size_t steps = w.padded_dim / kTileInputs, lines = ahead.lines / row_tiles(w) + 1;
  const char* rows = reinterpret_cast<const char*>(w.q);
  float* score = w.score;
  memory_barrier();
  for (size_t tile = 0; tile < row_tiles(w); ++tile, score += kTile * kScoreStride) {
    ahead.step(lines);
    zero_sums();
    const char* keys = reinterpret_cast<const char*>(staged_key<Bf16Products>(w, 0, 0));
    for (size_t i = 0; i < steps; ++i, rows += kTile * kTileBytes, keys += kTilePairs * kStride)
      add_tile_step<kTilesAcross>(rows, kTileBytes, keys, kStride);
    store_sums(score, kScoreStride * sizeof(float));
  }
}

/// sum [16][kColumns * 16], rows sum_stride bytes apart, += weights of 16 rows * staged values of one panel.
template <size_t kColumns>
TRANSOM_INLINE void add_value_tile(const float* weights, const char* values, size_t steps, float* sum,
                                   size_t sum_stride) {
  constexpr size_t kStride = kColumns * kTileBytes;
  _tile_loadd(0, sum, sum_stride);
  _tile_loadd(1, sum + kTile, sum_stride);
  if constexpr (kColumns == kTilesAcross) {
    _tile_loadd(2, sum + 2 * kTile, sum_stride);
    _tile_loadd(3, sum + 3 * kTile, sum_stride);
  }
  const char* rows = reinterpret_cast<const char*>(weights);
  for (size_t i = 0; i < steps; ++i, rows += kTileBytes, values += kTilePairs * kStride)
    add_tile_step<kColumns>(rows, kScoreStride * sizeof(float), values, kStride);
  _tile_stored(0, sum, sum_stride);
  _tile_stored(1, sum + kTile, sum_stride);
  if constexpr (kColumns == kTilesAcross) {
    _tile_stored(2, sum + 2 * kTile, sum_stride);
    _tile_stored(3, sum + 3 * kTile, sum_stride);
  }
}

template <>
inline void add_values<Bf16Products>(const AttentionWork& w, size_t count, Ahead ahead) {
  const size_t panels = (w.padded_dim + kTileWidth - 1) / kTileWidth,
               lines = ahead.lines / (row_tiles(w) * panels) + 1;
  const size_t steps = (count + kTileInputs - 1) / kTileInputs, sum_stride = w.padded_dim * sizeof(float);
  for (size_t panel = 0; panel < w.padded_dim; panel += kTileWidth) {
    const size_t width = panel_width(w, panel), pairs = (count + 1) / 2;
    uint32_t* const values = words_of(w.tile) + panel * (kKeyTile / 2);
    // Weights of zero would not hide what no value was staged for: it may be a NaN.
    memset(values + pairs * width, 0, (steps * kTilePairs - pairs) * width * sizeof(uint32_t));
    memory_barrier();
    for (size_t tile = 0; tile < row_tiles(w); ++tile) {
      ahead.step(lines);
      const float* weights = w.score + tile * kTile * kScoreStride;
      float* sum = w.sum + tile * kTile * w.padded_dim + panel;
      const char* staged = reinterpret_cast<const char*>(values);
      if (width == kTileWidth) {
        add_value_tile<kTilesAcross>(weights, staged, steps, sum, sum_stride);
      } else {
        add_value_tile<kTilesAcross / 2>(weights, staged, steps, sum, sum_stride);
      }
    }
  }
}
