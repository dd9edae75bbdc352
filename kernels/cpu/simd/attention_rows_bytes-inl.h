// SPDX-License-Identifier: Apache-2.0
// Attention of few rows to i8 keys and values by products of bytes, twice as many to an instruction as of
// 16-bit halves: of more than four rows to a KV head, those leave no time to read the cache at the speed of
// memory. Queries are rounded to 8 bits in four groups of columns, each in a scale of its own, so that a few
// large columns do not coarsen all others; for weights see attention_row_values_bytes-inl.h. Textual; needs
// that file, vec_avx512_vnni-inl.h and attention_rows-inl.h.
//
// A vector holds kQuarterBytes neighbouring columns of four keys, a key to a quarter, so that sums have four
// lanes to add up in place of 16. Columns that are equal in column / 4 % 4 meet in one lane: the groups. A
// sum is at most head_dim / 4 * 255 * 127: 31 bits hold that of 265,000 columns, an f32 exactly that of
// 2,000.

constexpr size_t kQuarterBytes = 16, kQuarters = 4;
static_assert(kLanes == kQuarterBytes && kBlockColumns % kQuarterBytes == 0);

/// The queries of few rows, in place of the key tile; behind this their bytes [rows][dim].
struct ByteQueries {
  float scale[kDirectRows][kLanes];     // of each lane of a sum
  uint32_t start[kDirectRows][kLanes];  // of each lane: keys are multiplied as unsigned bytes, key + 128
};
inline ByteQueries& byte_queries(const AttentionWork& w) { return *reinterpret_cast<ByteQueries*>(w.tile); }
inline int8_t* query_bytes(const AttentionWork& w) { return reinterpret_cast<int8_t*>(&byte_queries(w) + 1); }

/// The scales of the four groups of a row.
inline void group_scales(const float* q, size_t dim, RowScale* scales) {
  uint32_t bits[kLanes];
  store_words(bits, lane_largest_bits(q, dim));
  for (size_t group = 0; group < kQuarters; ++group) {
    uint32_t most = 0;
    for (size_t i = 0; i < 4; ++i) most = bits[group * 4 + i] > most ? bits[group * 4 + i] : most;
    scales[group] = scale_of_bits(most);
  }
}

inline void quantize_query_bytes(const AttentionWork& w) {
  ByteQueries& queries = byte_queries(w);
  for (size_t r = 0; r < w.rows; ++r) {
    const float* q = w.q + r * w.padded_dim;
    int8_t* const bytes = query_bytes(w) + r * w.dim;
    RowScale scales[kQuarters];
    group_scales(q, w.dim, scales);
    float factor[kLanes];
    for (size_t i = 0; i < kLanes; ++i) {
      factor[i] = scales[i / 4].factor;
      queries.scale[r][i] = scales[i % 4].scale;
    }
    WordVec total = zero_words();
    for (size_t j = 0; j < w.dim; j += kLanes) {
      const WordVec whole = to_nearest(multiply(load_f32(q + j), load_f32(factor)));
      total = add_words(total, whole);
      store_low_bytes(bytes + j, whole);
    }
    uint32_t lanes[kLanes];  // those of a group that is not finite mean nothing: its scale is NaN
    store_words(lanes, total);
    for (size_t i = 0; i < kLanes; ++i) {
      const uint32_t* const group = lanes + i % 4 * 4;
      queries.start[r][i] = 0u - 128u * (group[0] + group[1] + group[2] + group[3]);
    }
  }
}

/// sums [kRows][4] from vector `first` on: products of all rows with kVectors vectors of keys, of which
/// vector i holds row[i], row[4 + i] and so on, in the scales of the queries. lines: to fetch at each step.
template <size_t kRows, size_t kVectors>
TRANSOM_INLINE void multiply_byte_keys(const AttentionWork& w, const char* const* row, size_t first,
                                       FloatVec (*sums)[kQuarters], Ahead& ahead, size_t lines) {
  const ByteQueries& queries = byte_queries(w);
  WordVec sum[kVectors][kRows];
  TRANSOM_UNROLL
  for (size_t i = 0; i < kVectors; ++i) {
    TRANSOM_UNROLL
    for (size_t r = 0; r < kRows; ++r) sum[i][r] = load_words(queries.start[r]);
  }
  const int8_t* query = query_bytes(w);
  const WordVec flip = set_words(0x80808080u);
  for (size_t j = 0; j < w.dim; j += kQuarterBytes, query += kQuarterBytes) {
    ahead.step_far(lines);
    WordVec keys[kVectors];
    TRANSOM_UNROLL
    for (size_t i = 0; i < kVectors; ++i) {
      const char* const* of = row + first + i;
      keys[i] = xor_words(load_quarters(of[0] + j, of[4] + j, of[8] + j, of[12] + j), flip);
    }
    TRANSOM_UNROLL
    for (size_t r = 0; r < kRows; ++r) {
      const WordVec here = in_register(load_to_quarters(query + r * w.dim));
      TRANSOM_UNROLL
      for (size_t i = 0; i < kVectors; ++i) sum[i][r] = add_byte_products(sum[i][r], keys[i], here);
    }
  }
  TRANSOM_UNROLL
  for (size_t r = 0; r < kRows; ++r) {
    TRANSOM_UNROLL
    for (size_t i = 0; i < kVectors; ++i)
      sums[r][first + i] = multiply(to_f32(sum[i][r]), load_f32(queries.scale[r]));
  }
}

/// As score_integer_keys, by bytes.
template <size_t kRows>
inline Ahead score_byte_keys(const AttentionWork& w, const char* keys, size_t count, size_t key, Ahead ahead,
                             size_t lines) {
  constexpr size_t kVectors = kRows <= 6 ? 4 : 2;  // as far as the registers go
  const size_t lines_of_step = ceil_divide(lines * kVectors * kQuarters, w.dim / kQuarterBytes);
  const FloatVec scale = lane_scales(w, keys, count, key);
  const char* row[kLanes];
  for (size_t i = 0; i < kLanes; ++i)
    row[i] = keys + (key + i < count ? key + i : count - 1) * kv_row_bytes(KvType::i8, w.dim);
  FloatVec sums[kRows][kQuarters];
  for (size_t first = 0; first < kQuarters; first += kVectors)
    multiply_byte_keys<kRows, kVectors>(w, row, first, sums, ahead, lines_of_step);
  for (size_t r = 0; r < kRows; ++r) {
    fold_vectors<2, 1>(sums[r]);
    store_f32(w.score + r * kScoreStride + key, multiply(sums[r][0], scale));
  }
  return ahead;
}

/// Few rows as attend_items takes them, in place of DirectRows.
struct ByteRows : DirectRows {
  static constexpr size_t kLeastRows = 5;

  static bool takes(const AttentionArgs& args) {
    return args.kv.type == KvType::i8 && attention_query_tile(args) == 1 &&
           args.n_heads / args.kv.n_kv_heads >= kLeastRows && args.kv.head_dim % kBlockColumns == 0;
  }

  static void arrange_queries(const AttentionArgs&, const AttentionWork& w) { quantize_query_bytes(w); }

  template <size_t kRows = kDirectRows>
  static void attend_run(const AttentionArgs& args, const AttentionWork& w, const KeyRun& run,
                         const KeyRun& next) {
    if constexpr (kRows > kLeastRows) {
      if (w.rows < kRows) return attend_run<kRows - 1>(args, w, run, next);
    }
    attend_few_rows<score_byte_keys<kRows>, add_byte_run<kRows>>(args, w, run, next);
  }

  static void arrange_sums(const AttentionArgs&, const AttentionWork& w) { arrange_byte_sums(w); }
};
