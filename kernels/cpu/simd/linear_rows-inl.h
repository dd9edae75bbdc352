// SPDX-License-Identifier: Apache-2.0
// What all products share: how rows are cut into tiles, and where results go. Textual; needs a vec header.

constexpr size_t kSliceColumns = 2 * kLanes;
constexpr size_t kSlices = kPanelColumns / kSliceColumns;
constexpr size_t kPanelVectors = kPanelColumns / kLanes;

constexpr size_t padded_rows(size_t n_rows) { return (n_rows + 15) / 16 * 16; }

/// Tiles of rows of equal height, give or take one: 32 rows are 11 + 11 + 10, not 14 + 14 + 4.
struct EvenTiles {
  static constexpr size_t kRows = kTileRows;  // at most
  // A slice block is 192 x 128 bytes = 24 KB, with the row tile (10.5 KB) and its sums (3.5 KB) below the 48
  // KB of L1. Measured on 2 cores of a Sapphire Rapids class Xeon, 2026-11: 256 words were 2 to 3 % slower
  // for 32 rows of i8, equal for 512; 128 and 512 no better. Fetching the next tile's sums or rows ahead did
  // not help.
  static constexpr size_t kBlockWords = 192;
  static constexpr size_t count(size_t n_rows) { return (n_rows + kRows - 1) / kRows; }
  static constexpr size_t begin(size_t n_rows, size_t tile) {
    const size_t tiles = count(n_rows), base = n_rows / tiles, extra = n_rows % tiles;
    return tile * base + (tile < extra ? tile : extra);
  }
  /// What a tile of `rows` rows is prepared as.
  static constexpr size_t padded(size_t rows) { return rows; }
};

/// Pieces of rows [rows <= kLanes][64] words, of which the first `words` count, to [word][row].
inline void interleave_rows(const uint32_t (*pieces)[64], size_t rows, size_t words, uint32_t* dst) {
  if (rows == 1) {
    memcpy(dst, pieces[0], words * sizeof(uint32_t));
    return;
  }
  for (size_t w = 0; w < words; w += kLanes) transpose_words(&pieces[0][w], 64, rows, dst + w * rows, rows);
}

/// The outputs [out, out + kLanes) of a weight: all that is the same for every row, loaded once.
struct Output {
  TRANSOM_INLINE Output(const LinearArgs& args, size_t out)
      : dst(args.dst + out), stride(args.dst_stride), accumulate(args.accumulate) {
    const PackedWeight& w = args.weight;
    columns = out >= w.n ? 0 : w.n - out < kLanes ? w.n - out : kLanes;
    bias = columns == 0 || w.bias == nullptr ? zero_f32() : load_f32(w.bias + out);
  }

  TRANSOM_INLINE void store(size_t row, FloatVec product) const {
    const FloatVec value = add_f32(product, bias);
    float* to = dst + row * stride;
    if (columns == kLanes) {
      store_f32(to, accumulate ? add_f32(value, load_f32(to)) : value);
    } else if (columns > 0) {
      store_f32_part(to, accumulate ? add_f32(value, load_f32_part(to, columns)) : value, columns);
    }
  }

  float* dst;
  size_t stride;
  bool accumulate;
  size_t columns;
  FloatVec bias;
};

// Bytes ahead of a stream of weights: to the second cache, and once more to the first. A fetch is lost when
// too many are on their way, and then the core waits for the line. Measured on 2 cores of an Emerald Rapids
// class Xeon, 2026-11, model-shaped products of one row, with the far fetch at 8192: i4 99 % of the read
// bandwidth with it alone, 104 % with both (i8 106 %, 107 %); the near one alone leaves 10 % unused. On 2 Zen
// 4 cores: at 34 GB/s, 4096 is no faster for a product and 2 to 6 % for a model; at 57 GB/s, products of i4
// have 95 % with it, 79 % with 8192.
constexpr size_t kFarAhead = 4096, kNearAhead = 2048;

template <size_t kBytes>
TRANSOM_INLINE void fetch_stream(const char* stream) {
  TRANSOM_UNROLL
  for (size_t at = 0; at < kBytes; at += 64) {
    _mm_prefetch(stream + kFarAhead + at, _MM_HINT_T1);
    _mm_prefetch(stream + kNearAhead + at, _MM_HINT_T0);
  }
}

/// Lines to fetch from memory while something is computed, one a step.
struct LinesAhead {
  const char* next;
  size_t lines;
  TRANSOM_INLINE void step() {
    if (lines == 0) return;
    _mm_prefetch(next, _MM_HINT_T1);
    next += 64;
    --lines;
  }
};
