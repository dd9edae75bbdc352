// SPDX-License-Identifier: Apache-2.0
// Integer products of many rows by matrix tiles (AMX). Textual; needs linear_integer_gemm-inl.h and
// tiles_amx-inl.h.
//
// Two by two tiles of i32 sums, 32 rows and a slice of 32 outputs, take 64 inputs a step: two tiles of rows,
// as they were prepared, times two of staged weights, whose words of four inputs are what the hardware wants.
// Sums are the same integers as those of any other kernel, and are scaled in the same order: the same bits.
// The scales of a group are applied by vectors while the tile unit multiplies the next group.

constexpr size_t kSumStride = kSliceColumns * 4;  // bytes between rows of sums, and of staged weights
constexpr size_t kRowTileBytes = kTile * kTileBytes;

/// s8 rows times u8 weights.
struct TilePolicy {
  struct Tiles {
    static constexpr size_t kRows = 2 * kTile;
    // 48 KB of staged weights, of which tiles load little enough that they may come from L2: on an Emerald
    // Rapids class Xeon, 2026-11, a 1.5B shape in int8 reads 512 tokens 8 % faster than with 192.
    static constexpr size_t kBlockWords = 384;
    static constexpr size_t count(size_t n_rows) { return (n_rows + kRows - 1) / kRows; }
    static constexpr size_t begin(size_t n_rows, size_t tile) {
      return tile * kRows < n_rows ? tile * kRows : n_rows;
    }
    static constexpr size_t padded(size_t rows) { return padded_rows(rows); }
  };
  static constexpr size_t kInputs = 4, kPartWords = 1;
  static void split(WordVec part, WordVec* words) { words[0] = part; }
};

/// The tile registers: 0 to 3 sums [row tile][column tile], 4 and 5 rows, 6 and 7 weights. kBoth: 32 rows,
/// not 16.
template <bool kBoth>
struct SumTiles {
  static TRANSOM_INLINE void clear() {
    _tile_zero(0);
    _tile_zero(1);
    if constexpr (kBoth) {
      _tile_zero(2);
      _tile_zero(3);
    }
  }
  static TRANSOM_INLINE void load(const uint32_t* sums) {
    _tile_loadd(0, sums, kSumStride);
    _tile_loadd(1, sums + kLanes, kSumStride);
    if constexpr (kBoth) {
      _tile_loadd(2, sums + kTile * kSliceColumns, kSumStride);
      _tile_loadd(3, sums + kTile * kSliceColumns + kLanes, kSumStride);
    }
  }
  static TRANSOM_INLINE void store(uint32_t* sums) {
    _tile_stored(0, sums, kSumStride);
    _tile_stored(1, sums + kLanes, kSumStride);
    if constexpr (kBoth) {
      _tile_stored(2, sums + kTile * kSliceColumns, kSumStride);
      _tile_stored(3, sums + kTile * kSliceColumns + kLanes, kSumStride);
    }
  }
  static TRANSOM_INLINE void add_step(const char* rows, const char* weights) {
    _tile_loadd(4, rows, kTileBytes);
    _tile_loadd(6, weights, kSumStride);
    _tile_dpbsud(0, 4, 6);
    _tile_loadd(7, weights + kTileBytes, kSumStride);
    _tile_dpbsud(1, 4, 7);
    if constexpr (kBoth) {
      _tile_loadd(5, rows + kRowTileBytes, kTileBytes);
      _tile_dpbsud(2, 5, 6);
      _tile_dpbsud(3, 5, 7);
    }
  }
};

/// Finished sums of the rows of a tile, in their scales. Works on copies: what lies behind a reference would
/// be read again after every store.
template <bool kZeros>
struct FinishedSums {
  FinishedSums(const GemmTile& t, size_t n_rows)
      : rows(t.args),
        first_row(t.row),
        count(n_rows),
        totals(reinterpret_cast<float*>(t.sums + t.plane_stride)) {}

  TRANSOM_INLINE FloatVec scaled(const GroupScale& scale, FloatVec total, size_t group, size_t r,
                                 const uint32_t* from) const {
    const size_t row = first_row + r;
    WordVec sum = load_words(from);
    if constexpr (!kZeros) sum = add_words(sum, broadcast_word(rows.offsets + group * rows.stride + row));
    return scale.add<kZeros>(total, sum, rows, group, row);
  }

  IntegerRows<TilePolicy> rows;
  size_t first_row, count;
  float* totals;
};

template <bool kZeros>
void add_to_totals(const GemmTile& t, FinishedSums<kZeros> done, size_t group, const uint32_t* sums) {
  const GroupScale left(t.args.weight, t.panel, group, t.slice * kSliceColumns);
  const GroupScale right(t.args.weight, t.panel, group, t.slice * kSliceColumns + kLanes);
  const bool first = group == 0;
  for (size_t r = 0; r < done.count; ++r, sums += kSliceColumns, done.totals += kSliceColumns) {
    const FloatVec a = first ? zero_f32() : load_f32(done.totals),
                   b = first ? zero_f32() : load_f32(done.totals + kLanes);
    store_f32(done.totals, done.scaled(left, a, group, r, sums));
    store_f32(done.totals + kLanes, done.scaled(right, b, group, r, sums + kLanes));
  }
}

/// Of a weight with one group.
template <bool kZeros>
void store_sums(const GemmTile& t, FinishedSums<kZeros> done, const uint32_t* sums) {
  const GroupScale left(t.args.weight, t.panel, 0, t.slice * kSliceColumns);
  const GroupScale right(t.args.weight, t.panel, 0, t.slice * kSliceColumns + kLanes);
  const Output left_output(t.args, t.out()), right_output(t.args, t.out() + kLanes);
  for (size_t r = 0; r < done.count; ++r, sums += kSliceColumns) {
    left_output.store(done.first_row + r, done.scaled(left, zero_f32(), 0, r, sums));
    right_output.store(done.first_row + r, done.scaled(right, zero_f32(), 0, r, sums + kLanes));
  }
}

template <bool kZeros>
void store_totals(const GemmTile& t, FinishedSums<kZeros> done) {
  const Output left(t.args, t.out()), right(t.args, t.out() + kLanes);
  for (size_t r = 0; r < done.count; ++r, done.totals += kSliceColumns) {
    left.store(done.first_row + r, load_f32(done.totals));
    right.store(done.first_row + r, load_f32(done.totals + kLanes));
  }
}

/// Inputs of a step: groups begin and end between steps.
inline size_t inputs_of_step(const PackedWeight& w) { return w.groups > 1 && w.group % 64 != 0 ? 32 : 64; }

template <typename P, WeightType kType>
struct TileProduct : IntegerWeights<P, kType> {
  static void multiply(size_t rows, const GemmTile& t) {
    const bool zeros = t.args.weight.zero != nullptr;
    if (rows > kTile) {
      zeros ? multiply_groups<true, true>(rows, t) : multiply_groups<true, false>(rows, t);
    } else {
      zeros ? multiply_groups<false, true>(rows, t) : multiply_groups<false, false>(rows, t);
    }
  }

 private:
  template <bool kBoth, bool kZeros>
  static void multiply_groups(size_t rows, const GemmTile& t) {
    const PackedWeight& w = t.args.weight;
    const FinishedSums<kZeros> done(t, rows);
    alignas(64) uint32_t sums[TilePolicy::Tiles::kRows * kSliceColumns];  // of the group before, if it waits
    Steps<kBoth> steps(t, done.rows);
    size_t group = w.groups == 1 ? 0 : group_of(w, t.first);
    bool waits = false;
    memory_barrier();
    for (size_t input = t.first; input < t.end;) {
      const size_t whole = group_end(w, group), end = whole < t.end ? whole : t.end;
      input == group* w.group ? SumTiles<kBoth>::clear() : SumTiles<kBoth>::load(t.sums);
      steps.add(input, end);
      if (waits) add_to_totals(t, done, group - 1, sums);
      SumTiles<kBoth>::store(end == whole ? sums : t.sums);
      waits = end == whole;
      input = end;
      group += waits ? 1 : 0;
    }
    memory_barrier();
    if (!waits) return;
    if (w.groups == 1) return store_sums(t, done, sums);
    add_to_totals(t, done, group - 1, sums);
    if (group == w.groups) store_totals(t, done);
  }

  template <bool kBoth>
  struct Steps {
    Steps(const GemmTile& tile, const IntegerRows<TilePolicy>& prepared)
        : t(tile),
          ahead(tile.ahead),
          rows(reinterpret_cast<const char*>(prepared.words + tile.row * prepared.words_per_row)),
          step(inputs_of_step(tile.args.weight)),
          lines(tile.ahead.lines * step / (tile.end - tile.first) + 1) {}

    TRANSOM_INLINE void add(size_t input, size_t end) {
      constexpr size_t kPieceBytes = (kBoth ? 2 : 1) * kRowTileBytes;  // 64 inputs of all rows
      const char* weights = reinterpret_cast<const char*>(t.weights) + (input - t.first) / 4 * kSumStride;
      for (; input < end; input += step, weights += step / 4 * kSumStride) {
        for (size_t i = 0; i < lines; ++i) ahead.step();
        SumTiles<kBoth>::add_step(rows + input / 64 * kPieceBytes + input % 64, weights);
      }
    }

    const GemmTile& t;
    LinesAhead ahead;
    const char* rows;
    size_t step, lines;
  };
};

template <WeightType kType>
constexpr LinearKernel tile_gemm_kernel(const char* name) {
  LinearKernel kernel = integer_gemm_kernel<TilePolicy, kType, TileProduct>(name);
  kernel.run = [](const LinearArgs& args) {
    const TileShapes shapes(inputs_of_step(args.weight));
    const TilesInUse tiles(shapes);
    gemm<TileProduct<TilePolicy, kType>>(args);
  };
  return kernel;
}
