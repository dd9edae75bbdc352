// SPDX-License-Identifier: Apache-2.0
// Attention of few rows to bf16 and i8 keys and values by matrix tiles (AMX), which leaves little to do
// beside reading the cache: queries, keys and scores. Textual; needs attention_tiles_amx-inl.h and
// attention_rows-inl.h.
//
// Keys are the left factor straight from the cache, 16 of them to a tile. Rounding a query or a weight to
// what the tile unit takes would be coarser than the cache deserves, so each is two factors of half its
// digits: of bf16 a leading part and the rest of it, of 16-bit integers two signed bytes. Row r stands in
// column r of the right factor with its leading part and in column kDirectRows + r with the rest; as left
// factor of the values likewise in those rows. So up to kDirectRows rows fill a tile. (The rest of a number
// whose leading part is not finite is NaN or zero, so infinities come out as NaN.)

static_assert(2 * kDirectRows == kTile);
constexpr size_t kTileWords = kTile * kTile;
// Columns of scores, aligned at kTile slots: a run may begin within such a group.
constexpr size_t kTurnedStride = kKeyTile + kTile;
// The largest integer of two signed bytes, a * 256 + b.
constexpr float kLargestDigits = 127 * 256 + 127;

/// The words of a tile of a row's leading parts at `lead`, and of the rest at `rest`.
inline void split_bf16(const float* values, uint16_t* lead, uint16_t* rest) {
  const FloatVec whole = load_f32(values);
  const WordVec high = round_bf16(whole);
  store_low_halves(lead, high);
  store_low_halves(rest, round_bf16(subtract(whole, as_f32(shift_left_words(high, 16)))));
}
inline void split_integers(const float* values, float factor, int8_t* lead, int8_t* rest) {
  const WordVec whole = to_nearest(multiply(load_f32(values), set_f32(factor)));
  store_low_bytes(rest, whole);
  store_low_bytes(lead, shift_right_signed(add_words(whole, set_words(128)), 8));
}

/// What a tile of a cache holds, and the sums of both parts.
template <KvType kType>
struct RowTiles;

template <>
struct RowTiles<KvType::bf16> {
  using Element = uint16_t;
  static FloatVec join(const float* lead, const float* rest) {
    return add_f32(load_f32(lead), load_f32(rest));
  }
};

template <>
struct RowTiles<KvType::i8> {
  using Element = int8_t;
  static FloatVec join(const float* lead, const float* rest) {
    return multiply_add(to_f32(load_words(lead)), set_f32(256), to_f32(load_words(rest)));
  }
};

/// Columns of a row that a tile takes.
template <KvType kType>
constexpr size_t kRowInputs = kTileBytes / sizeof(typename RowTiles<kType>::Element);

/// Behind the staged values: the queries' tiles [padded_dim / kRowInputs], words of neighbouring columns of
/// the rows. In place of what they were made of: their scales [kDirectRows], of i8.
inline float* tiled_queries(const AttentionWork& w) { return w.tile + w.padded_dim * (kKeyTile / 2); }
inline float* query_scales(const AttentionWork& w) { return w.q; }

template <KvType kType>
inline void tile_queries(const AttentionWork& w) {
  using Element = typename RowTiles<kType>::Element;
  constexpr size_t kPerWord = 4 / sizeof(Element);
  Element* const tiles = reinterpret_cast<Element*>(tiled_queries(w));
  memset(tiles, 0, w.padded_dim / kRowInputs<kType> * kTileWords * 4);
  float scale[kDirectRows];
  for (size_t r = 0; r < w.rows; ++r) {
    const float* q = w.q + r * w.padded_dim;
    [[maybe_unused]] RowScale row = {};
    if constexpr (kType == KvType::i8) row = row_scale(q, w.padded_dim, kLargestDigits);
    scale[r] = row.scale;
    for (size_t j = 0; j < w.padded_dim; j += kLanes) {
      Element lead[kLanes], rest[kLanes];
      if constexpr (kType == KvType::i8) {
        split_integers(q + j, row.factor, lead, rest);
      } else {
        split_bf16(q + j, lead, rest);
      }
      Element* const to = tiles + j * kTile + r * kPerWord;
      for (size_t i = 0; i < kLanes; i += kPerWord) {
        memcpy(to + i * kTile, lead + i, 4);
        memcpy(to + i * kTile + kDirectRows * kPerWord, rest + i, 4);
      }
    }
  }
  if constexpr (kType == KvType::i8) memcpy(query_scales(w), scale, sizeof scale);
}

/// Tiles 0 up to kGroups += kTile keys each * the queries in tile 6.
template <KvType kType, size_t kGroups>
TRANSOM_INLINE void add_key_step(const char* keys, size_t row_bytes) {
  const size_t group_bytes = kTile * row_bytes;
  _tile_loadd(4, keys, row_bytes);
  if constexpr (kGroups == 4) {
    _tile_loadd(5, keys + group_bytes, row_bytes);
    _tile_loadd(7, keys + 2 * group_bytes, row_bytes);
  }
  if constexpr (kType == KvType::i8) {
    _tile_dpbssd(0, 4, 6);
  } else {
    _tile_dpbf16ps(0, 4, 6);
  }
  if constexpr (kGroups == 4) {
    _tile_loadd(4, keys + 3 * group_bytes, row_bytes);
    if constexpr (kType == KvType::i8) {
      _tile_dpbssd(1, 5, 6);
      _tile_dpbssd(2, 7, 6);
      _tile_dpbssd(3, 4, 6);
    } else {
      _tile_dpbf16ps(1, 5, 6);
      _tile_dpbf16ps(2, 7, 6);
      _tile_dpbf16ps(3, 4, 6);
    }
  }
}

/// Products of the queries with kGroups (1 or 4) groups of kTile keys, turned to rows: turned [kTile] from
/// the groups' column on.
template <KvType kType, size_t kGroups>
inline void multiply_key_tiles(const AttentionWork& w, const char* keys, float* turned, NextRun& ahead) {
  alignas(64) uint32_t products[kGroups][kTileWords];
  const size_t row_bytes = kv_row_bytes(kType, w.dim);
  const char* query = reinterpret_cast<const char*>(tiled_queries(w));
  zero_sums();
  for (size_t j = 0; j < w.dim; j += kRowInputs<kType>, keys += kTileBytes, query += kTileWords * 4) {
    ahead.step(kGroups * 8);
    _tile_loadd(6, query, kTileBytes);
    add_key_step<kType, kGroups>(keys, row_bytes);
  }
  _tile_stored(0, products[0], kTileBytes);
  if constexpr (kGroups == 4) {
    _tile_stored(1, products[1], kTileBytes);
    _tile_stored(2, products[2], kTileBytes);
    _tile_stored(3, products[3], kTileBytes);
  }
  memory_barrier();
  for (size_t g = 0; g < kGroups; ++g) {
    ahead.step(8);
    transpose_words(products[g], kTile, kTile, words_of(turned) + g * kTile, kTurnedStride);
  }
}

/// Scores of all rows against a run. Keys beside the run, in the same tiles, score too; nobody looks.
template <KvType kType>
inline void score_key_tiles(const AttentionWork& w, const char* keys, const KeyRun& run, NextRun& ahead) {
  alignas(64) float turned[kTile * kTurnedStride];
  const size_t skipped = run.slot % kTile, groups = (skipped + run.count + kTile - 1) / kTile;
  const size_t group_bytes = kTile * kv_row_bytes(kType, w.dim);
  const char* group = keys - skipped * kv_row_bytes(kType, w.dim);
  memory_barrier();
  size_t g = 0;
  if (groups >= 4) {
    multiply_key_tiles<kType, 4>(w, group, turned, ahead);
    g = 4;
  }
  for (; g < groups; ++g) multiply_key_tiles<kType, 1>(w, group + g * group_bytes, turned + g * kTile, ahead);
  float scale[kKeyTile];
  if constexpr (kType == KvType::i8) row_scales(keys, w.dim, run.count, scale);
  for (size_t r = 0; r < w.rows; ++r) {
    const float *lead = turned + r * kTurnedStride + skipped, *rest = lead + kDirectRows * kTurnedStride;
    for (size_t key = 0; key < run.count; key += kLanes) {
      FloatVec score = RowTiles<kType>::join(lead + key, rest + key);
      if constexpr (kType == KvType::i8)
        score = multiply(score, multiply(set_f32(query_scales(w)[r]), load_f32(scale + key)));
      store_f32(w.score + r * kScoreStride + key, score);
    }
  }
}
