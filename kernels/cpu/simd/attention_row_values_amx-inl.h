// SPDX-License-Identifier: Apache-2.0
// Attention of few rows by matrix tiles (AMX): weights, values and sums. Textual; needs
// attention_rows_amx-inl.h, which says how rows lie in tiles.

/// Weights of one run as the left factor of its values; those of i8 take the scale of their value along.
template <KvType kType>
struct WeightTiles {
  using Element = typename RowTiles<kType>::Element;
  alignas(64) Element parts[kTile][kKeyTile] = {};
  float scale[kDirectRows];  // i8

  WeightTiles(const AttentionWork& w, const char* values, size_t count, NextRun& ahead) {
    [[maybe_unused]] float value_scale[kKeyTile] = {};
    if constexpr (kType == KvType::i8) row_scales(values, w.dim, count, value_scale);
    for (size_t r = 0; r < w.rows; ++r) {
      ahead.step(8);
      float* weights = w.score + r * kScoreStride;
      [[maybe_unused]] RowScale row = {};
      if constexpr (kType == KvType::i8) {
        for (size_t key = 0; key < kKeyTile; key += kLanes)
          store_f32(weights + key, multiply(load_f32(weights + key), load_f32(value_scale + key)));
        row = row_scale(weights, kKeyTile, kLargestDigits);
        scale[r] = row.scale;
      }
      for (size_t key = 0; key < kKeyTile; key += kLanes) {
        Element *lead = parts[r] + key, *rest = parts[kDirectRows + r] + key;
        if constexpr (kType == KvType::i8) {
          split_integers(weights + key, row.factor, lead, rest);
        } else {
          split_bf16(weights + key, lead, rest);
        }
      }
    }
  }
};

/// Values of one run as the right factor of a panel of kTileWidth columns, or of half as many: [keys to a
/// word] of neighbouring keys, rows of words of all columns in an order that in_order undoes. Zeros beyond
/// the run.
inline void stage_panel_bf16(const AttentionWork& w, const char* values, size_t count, size_t panel,
                             size_t width, char* staged, NextRun& ahead) {
  const size_t row_bytes = kv_row_bytes(KvType::bf16, w.dim);
  for (size_t key = 0; key < kKeyTile; key += 2) {
    ahead.step(2);
    for (size_t j = 0; j < width; j += kHalves, staged += 2 * kTileBytes) {
      const char* at = values + key * row_bytes + (panel + j) * sizeof(uint16_t);
      const WordVec even = key < count ? load_words(at) : zero_words(),
                    odd = key + 1 < count ? load_words(at + row_bytes) : zero_words();
      store_words(staged, interleave_low_halves(even, odd));
      store_words(staged + kTileBytes, interleave_high_halves(even, odd));
    }
  }
}
inline void stage_panel_i8(const AttentionWork& w, const char* values, size_t count, size_t panel,
                           char* staged, NextRun& ahead) {
  const size_t row_bytes = kv_row_bytes(KvType::i8, w.dim);
  for (size_t key = 0; key < kKeyTile; key += 4, staged += kTileWidth * 4) {
    ahead.step(2);
    WordVec row[4];
    TRANSOM_UNROLL
    for (size_t i = 0; i < 4; ++i)
      row[i] = key + i < count ? load_words(values + (key + i) * row_bytes + panel) : zero_words();
    WordVec words[4];
    interleave_rows<0>(row, words);
    interleave_rows<1>(row, words + 2);
    TRANSOM_UNROLL
    for (size_t v = 0; v < 4; ++v) store_words(staged + v * kTileBytes, words[v]);
  }
}

/// Sums of a panel, as vectors, from the order of staged values to that of columns.
template <KvType kType>
TRANSOM_INLINE void in_order(FloatVec* v, size_t vectors) {
  if constexpr (kType == KvType::i8) return transpose_quarters(v);
  for (size_t i = 0; i < vectors; i += 2) {
    const WordVec low = as_words(v[i]), high = as_words(v[i + 1]);
    v[i] = as_f32(left_interleaved(low, high));
    v[i + 1] = as_f32(right_interleaved(low, high));
  }
}

/// sum [rows][padded_dim] from column `panel` on += the products [kTile][kTileWidth] of both parts of
/// weights.
template <KvType kType>
inline void add_products_of_parts(const AttentionWork& w, const WeightTiles<kType>& weights, size_t panel,
                                  size_t width, const float* products) {
  for (size_t r = 0; r < w.rows; ++r) {
    const float *lead = products + r * kTileWidth, *rest = lead + kDirectRows * kTileWidth;
    float* const sum = w.sum + r * w.padded_dim + panel;
    FloatVec joined[kTileVectors];
    for (size_t v = 0; v < width / kLanes; ++v)
      joined[v] = RowTiles<kType>::join(lead + v * kLanes, rest + v * kLanes);
    in_order<kType>(joined, width / kLanes);
    for (size_t v = 0; v < width / kLanes; ++v) {
      const FloatVec old = load_f32(sum + v * kLanes);
      store_f32(sum + v * kLanes, kType == KvType::i8
                                      ? multiply_add(joined[v], set_f32(weights.scale[r]), old)
                                      : add_f32(joined[v], old));
    }
  }
}

/// Tiles 0 to 3 += weights * staged values of a panel, which is `width` columns wide.
inline void multiply_values(const WeightTiles<KvType::bf16>& weights, const char* staged, size_t width) {
  constexpr size_t kWeightBytes = sizeof weights.parts[0];
  const char* const later = reinterpret_cast<const char*>(weights.parts) + kTileBytes;
  const size_t stride = width * sizeof(float);
  if (width == kTileWidth) {
    add_tile_step<kTilesAcross>(later - kTileBytes, kWeightBytes, staged, stride);
    add_tile_step<kTilesAcross>(later, kWeightBytes, staged + kTilePairs * stride, stride);
  } else {
    add_tile_step<kTilesAcross / 2>(later - kTileBytes, kWeightBytes, staged, stride);
    add_tile_step<kTilesAcross / 2>(later, kWeightBytes, staged + kTilePairs * stride, stride);
  }
}
inline void multiply_values(const WeightTiles<KvType::i8>& weights, const char* staged, size_t) {
  constexpr size_t kStride = kTileWidth * sizeof(float);
  _tile_loadd(4, weights.parts, kTileBytes);
  _tile_loadd(6, staged, kStride);
  _tile_dpbssd(0, 4, 6);
  _tile_loadd(7, staged + kTileBytes, kStride);
  _tile_dpbssd(1, 4, 7);
  _tile_loadd(6, staged + 2 * kTileBytes, kStride);
  _tile_dpbssd(2, 4, 6);
  _tile_loadd(7, staged + 3 * kTileBytes, kStride);
  _tile_dpbssd(3, 4, 7);
}

template <KvType kType>
inline void attend_tiled_rows(const AttentionArgs& args, const AttentionWork& w, const KeyRun& run,
                              const KeyRun& next) {
  const char* values = run_rows(args, w, args.kv.values, run);
  NextRun ahead(args, w, next);
  score_key_tiles<kType>(w, run_rows(args, w, args.kv.keys, run), run, ahead);
  char* const staged = reinterpret_cast<char*>(w.tile);
  constexpr size_t kColumnBytes = kKeyTile * sizeof(typename RowTiles<kType>::Element);
  for (size_t panel = 0; panel < w.dim; panel += kTileWidth) {
    if constexpr (kType == KvType::i8) {
      stage_panel_i8(w, values, run.count, panel, staged + panel * kColumnBytes, ahead);
    } else {
      stage_panel_bf16(w, values, run.count, panel, panel_width(w, panel), staged + panel * kColumnBytes,
                       ahead);
    }
  }
  softmax_rows(args, w, run, [&] { ahead.step(16); });
  const WeightTiles<kType> weights(w, values, run.count, ahead);
  alignas(64) float products[kTile * kTileWidth];
  memory_barrier();
  for (size_t panel = 0; panel < w.dim; panel += kTileWidth) {
    zero_sums();
    ahead.step(16);
    multiply_values(weights, staged + panel * kColumnBytes, panel_width(w, panel));
    ahead.step(16);
    store_sums(products, kTileWidth * sizeof(float));
    memory_barrier();
    add_products_of_parts(w, weights, panel, panel_width(w, panel), products);
  }
  ahead.finish();
}

/// Few rows as attend_items takes them, in place of DirectRows.
struct TiledRows {
  /// Keys and values of whole tiles, and more than a single row, which vectors read as fast.
  static bool takes(const AttentionArgs& args) {
    const size_t group = args.n_heads / args.kv.n_kv_heads, dim = args.kv.head_dim;
    if (attention_query_tile(args) > 1 || group == 1) return false;
    if (args.kv.type == KvType::bf16) return dim % kRowInputs<KvType::bf16> == 0;
    return args.kv.type == KvType::i8 && dim % kRowInputs<KvType::i8> == 0;
  }

  static void fetch_first(const AttentionArgs& args, const AttentionWork& w, const KeyRun& run) {
    NextRun(args, w, run).finish();
  }
  static void arrange_queries(const AttentionArgs& args, const AttentionWork& w) {
    args.kv.type == KvType::i8 ? tile_queries<KvType::i8>(w) : tile_queries<KvType::bf16>(w);
  }
  static void attend_run(const AttentionArgs& args, const AttentionWork& w, const KeyRun& run,
                         const KeyRun& next) {
    if (args.kv.type == KvType::i8) return attend_tiled_rows<KvType::i8>(args, w, run, next);
    attend_tiled_rows<KvType::bf16>(args, w, run, next);
  }
  static void arrange_sums(const AttentionArgs&, const AttentionWork&) {}
};
