// SPDX-License-Identifier: Apache-2.0
// Product of activation rows and a packed weight; contract in linear_args.h. Textual; needs
// linear_policies-inl.h.
//
// Rows are prepared once into words (see the policies), in tiles of at most kTileRows rows,
// [tile][word][row], so that the inner loop reads them as one stream. Two kernels read that form:
//
//   decode  the whole panel, 64 outputs, straight from memory: one linear stream per thread
//   gemm    cache blocks: for a block of kBlockWords words of kGroupPanels panels, weights are split into
//           words and laid out by slices of two vectors (in L1 while all row tiles pass), sums are kept in
//           scratch (L2). Staging a slice right before its use beats staging whole panels: the buffer never
//           leaves L1
//
// Both add the products of an output in the order of the inputs, one chain: the same bits for any number of
// rows and any split. Sums are f32 or i32.

constexpr size_t kSliceColumns = 2 * kLanes;
constexpr size_t kSlices = kPanelColumns / kSliceColumns;
constexpr size_t kPanelVectors = kPanelColumns / kLanes;
// A slice block is 192 x 128 bytes = 24 KB, with the row tile (10.5 KB) and its sums (3.5 KB) below the 48 KB
// of L1. Measured on 2 cores of a Sapphire Rapids class Xeon, 2026-11: 256 words were 2 to 3 % slower for 32
// rows of i8, equal for 512; 128 and 512 no better. Fetching the next tile's sums or rows ahead did not help.
constexpr size_t kBlockWords = 192;
// Panels that share one pass over the rows' words. 2 and 8 measured within 1 % of 4.
constexpr size_t kGroupPanels = 4;
// Rows of a block: 512 x 192 words are 384 KB of L2, their sums for 4 panels 512 KB. 128 rows: 5 % slower.
constexpr size_t kBlockRows = 512;

constexpr size_t tile_count(size_t n_rows) { return (n_rows + kTileRows - 1) / kTileRows; }
/// Tiles are of equal height, give or take one: 32 rows are 11 + 11 + 10, not 14 + 14 + 4.
constexpr size_t tile_begin(size_t n_rows, size_t tile) {
  const size_t tiles = tile_count(n_rows), base = n_rows / tiles, extra = n_rows % tiles;
  return tile * base + (tile < extra ? tile : extra);
}
constexpr size_t padded_rows(size_t n_rows) { return (n_rows + 15) / 16 * 16; }

template <typename P>
constexpr size_t word_count(size_t k) {
  return padded_k(P::kType, k) / P::kInputs;
}

// ---- prepared rows: scales [padded_rows] f32, then words [tile][word][row of tile] ----

template <typename P>
size_t prepared_bytes(size_t k, size_t n_rows) {
  return (padded_rows(n_rows) + n_rows * word_count<P>(k)) * sizeof(uint32_t);
}

inline const float* prepared_scales(const LinearArgs& args) {
  return static_cast<const float*>(args.prepared);
}

template <typename P>
const uint32_t* prepared_words(const LinearArgs& args, size_t first_row) {
  return static_cast<const uint32_t*>(args.prepared) + padded_rows(args.n_rows) +
         first_row * word_count<P>(args.weight.k);
}

template <typename P>
void prepare_tile(const LinearArgs& args, size_t first_row, size_t rows) {
  constexpr size_t kPieceWords = 64 / P::kInputs;
  const size_t k = args.weight.k, words = word_count<P>(k);
  float* scales = static_cast<float*>(args.prepared);
  uint32_t* dst = static_cast<uint32_t*>(args.prepared) + padded_rows(args.n_rows) + first_row * words;
  float factor[kTileRows];
  for (size_t r = 0; r < rows; ++r) {
    const RowScale scale =
        P::kIntegers ? row_scale(args.src + (first_row + r) * args.src_stride, k) : RowScale{1, 1};
    factor[r] = scale.factor;
    scales[first_row + r] = scale.scale;
  }
  uint32_t piece[kLanes][64] = {};
  for (size_t word = 0; word < words; word += kPieceWords) {
    const size_t input = word * P::kInputs;
    const size_t count = input >= k ? 0 : k - input < 64 ? k - input : 64;
    for (size_t r = 0; r < rows; ++r) {
      P::convert(args.src + (first_row + r) * args.src_stride + input, count, factor[r], piece[r]);
    }
    const size_t filled = words - word < kPieceWords ? words - word : kPieceWords;
    for (size_t w = 0; w < filled; w += kLanes)
      transpose_words(&piece[0][w], 64, rows, dst + (word + w) * rows, rows);
  }
}

template <typename P>
void prepare(const LinearArgs& args, size_t item_begin, size_t item_end) {
  for (size_t tile = item_begin; tile < item_end; ++tile) {
    const size_t first = tile_begin(args.n_rows, tile);
    prepare_tile<P>(args, first, tile_begin(args.n_rows, tile + 1) - first);
  }
}

// ---- sums to results ----

/// The outputs [out, out + kLanes) of a weight: all that is the same for every row, loaded once.
template <typename P>
struct Finish {
  Finish(const LinearArgs& args, size_t out)
      : dst(args.dst + out),
        stride(args.dst_stride),
        row_scale(prepared_scales(args)),
        accumulate(args.accumulate) {
    const PackedWeight& w = args.weight;
    columns = out >= w.n ? 0 : w.n - out < kLanes ? w.n - out : kLanes;
    if (columns == 0) return;
    bias = w.bias == nullptr ? zero_f32() : load_f32(w.bias + out);
    if constexpr (P::kIntegers) scale = load_f32(w.scale + out);
    if constexpr (P::kBiased) excess = shift_left_words(load_words(w.column_sum + out), 7);
  }

  void store(size_t row, WordVec sum) const {
    if (columns == 0) return;
    FloatVec value = as_f32(sum);
    if constexpr (P::kBiased) sum = subtract_words(sum, excess);
    if constexpr (P::kIntegers) value = multiply(to_f32(sum), multiply(set_f32(row_scale[row]), scale));
    value = add_f32(value, bias);
    float* to = dst + row * stride;
    if (columns == kLanes) {
      store_f32(to, accumulate ? add_f32(value, load_f32(to)) : value);
      return;
    }
    float lanes[kLanes];
    store_f32(lanes, value);
    for (size_t i = 0; i < columns; ++i) to[i] = accumulate ? lanes[i] + to[i] : lanes[i];
  }

  float* dst;
  size_t stride;
  const float* row_scale;
  bool accumulate;
  size_t columns;
  FloatVec bias, scale;
  WordVec excess;
};

// ---- decode ----

// Bytes ahead of the stream: 16 groups of weights.
constexpr size_t kDecodePrefetch = 4096;

template <typename P, size_t kRows>
void decode_panel(const LinearArgs& args, size_t panel) {
  const uint32_t* words = prepared_words<P>(args, 0);
  const char* stream =
      static_cast<const char*>(args.weight.data) + panel * panel_bytes(P::kType, args.weight.k);
  const size_t groups = word_count<P>(args.weight.k) / P::kSplit;
  typename P::Sum sum[kRows][kPanelVectors];
  TRANSOM_UNROLL
  for (size_t r = 0; r < kRows; ++r) {
    TRANSOM_UNROLL
    for (size_t v = 0; v < kPanelVectors; ++v) sum[r][v] = P::zero();
  }
  for (size_t g = 0; g < groups; ++g) {
    TRANSOM_UNROLL
    for (size_t line = 0; line < 4; ++line) _mm_prefetch(stream + kDecodePrefetch + line * 64, _MM_HINT_T0);
    TRANSOM_UNROLL
    for (size_t v = 0; v < kPanelVectors; ++v) {
      WordVec part[P::kSplit];
      P::split(load_words(stream + v * kLanes * 4), part);
      TRANSOM_UNROLL
      for (size_t s = 0; s < P::kSplit; ++s) {
        TRANSOM_UNROLL
        for (size_t r = 0; r < kRows; ++r) {
          sum[r][v] = P::accumulate(sum[r][v], broadcast_word(words + s * kRows + r), part[s]);
        }
      }
    }
    words += P::kSplit * kRows;
    stream += kPanelColumns * 4;
  }
  TRANSOM_UNROLL
  for (size_t v = 0; v < kPanelVectors; ++v) {
    const Finish<P> finish(args, panel * kPanelColumns + v * kLanes);
    TRANSOM_UNROLL
    for (size_t r = 0; r < kRows; ++r) finish.store(r, P::to_words(sum[r][v]));
  }
}

template <typename P>
void decode(const LinearArgs& args) {
  for (size_t panel = args.panel_begin; panel < args.panel_end; ++panel) {
    switch (args.n_rows) {
      case 1:
        decode_panel<P, 1>(args, panel);
        break;
      case 2:
        decode_panel<P, 2>(args, panel);
        break;
      case 3:
        decode_panel<P, 3>(args, panel);
        break;
      default:
        decode_panel<P, 4>(args, panel);
        break;
    }
  }
}

// ---- gemm ----

struct TileArgs {
  const uint32_t* rows;     // [words][kRows]
  const uint32_t* weights;  // [words][kSliceColumns]
  uint32_t* sums;           // [kRows][kSliceColumns]
  size_t words;
  bool first;             // sums start at zero
  const char* prefetch;   // what the next block will read
  size_t prefetch_lines;  // <= words
};

template <typename P, size_t kRows>
void multiply_tile(const TileArgs& t) {
  typename P::Sum sum[kRows][2];
  TRANSOM_UNROLL
  for (size_t r = 0; r < kRows; ++r) sum[r][0] = sum[r][1] = P::zero();
  if (!t.first) {
    TRANSOM_UNROLL
    for (size_t r = 0; r < kRows; ++r) {
      sum[r][0] = P::from_words(load_words(t.sums + r * kSliceColumns));
      sum[r][1] = P::from_words(load_words(t.sums + r * kSliceColumns + kLanes));
    }
  }
  const uint32_t* rows = t.rows;
  const uint32_t* weights = t.weights;
  for (size_t w = 0; w < t.words; ++w) {
    if (w < t.prefetch_lines) _mm_prefetch(t.prefetch + w * 64, _MM_HINT_T1);
    const WordVec left = load_words(weights);
    const WordVec right = load_words(weights + kLanes);
    TRANSOM_UNROLL
    for (size_t r = 0; r < kRows; ++r) {
      const WordVec word = broadcast_word(rows + r);
      sum[r][0] = P::accumulate(sum[r][0], word, left);
      sum[r][1] = P::accumulate(sum[r][1], word, right);
    }
    rows += kRows;
    weights += kSliceColumns;
  }
  TRANSOM_UNROLL
  for (size_t r = 0; r < kRows; ++r) {
    store_words(t.sums + r * kSliceColumns, P::to_words(sum[r][0]));
    store_words(t.sums + r * kSliceColumns + kLanes, P::to_words(sum[r][1]));
  }
}

/// multiply_tile of 1 <= rows <= kTileRows.
template <typename P, size_t kRows = kTileRows>
void multiply_rows(size_t rows, const TileArgs& t) {
  if constexpr (kRows > 1) {
    if (rows != kRows) return multiply_rows<P, kRows - 1>(rows, t);
  }
  multiply_tile<P, kRows>(t);
}

/// Splits the groups of words [first_word, first_word + words) of one slice of a panel: dst
/// [words][kSliceColumns].
template <typename P>
void stage(const PackedWeight& w, size_t panel, size_t slice, size_t first_word, size_t words,
           uint32_t* dst) {
  const uint32_t* src = static_cast<const uint32_t*>(w.data) + panel * (panel_bytes(P::kType, w.k) / 4) +
                        first_word / P::kSplit * kPanelColumns + slice * kSliceColumns;
  for (size_t word = 0; word < words; word += P::kSplit) {
    WordVec left[P::kSplit], right[P::kSplit];
    P::split(load_words(src), left);
    P::split(load_words(src + kLanes), right);
    TRANSOM_UNROLL
    for (size_t s = 0; s < P::kSplit; ++s) {
      store_words(dst + s * kSliceColumns, left[s]);
      store_words(dst + s * kSliceColumns + kLanes, right[s]);
    }
    src += kPanelColumns;
    dst += P::kSplit * kSliceColumns;
  }
}

template <typename P>
size_t gemm_scratch_bytes(size_t /*k*/, size_t n_rows) {
  const size_t rows = n_rows < kBlockRows + kTileRows ? n_rows : kBlockRows + kTileRows;
  return (rows * kPanelColumns * kGroupPanels + kBlockWords * kSliceColumns) * sizeof(uint32_t);
}

/// Rows [row_begin, row_end) are the tiles [tile_first, tile_last); panels [panel_first, panel_last).
struct Block {
  size_t tile_first, tile_last, row_begin, row_end, panel_first, panel_last;
  uint32_t *sums, *weights;
};

// Rows ahead of which results are fetched: they come from memory while their sums are in L2.
constexpr size_t kFinishAhead = 8;

/// One slice of finished sums [rows of block][kSliceColumns]. Column by column: in row order the loads of
/// scale, bias and arguments took 15 cycles a vector.
template <typename P>
void finish_slice(const LinearArgs& args, const Block& b, size_t out, const uint32_t* sums) {
  const Finish<P> left(args, out), right(args, out + kLanes);
  for (size_t row = b.row_begin; row < b.row_end; ++row) {
    if (left.columns > 0) {
      const float* ahead = left.dst + (row + kFinishAhead) * left.stride;
      if (row + kFinishAhead < b.row_end) _mm_prefetch(reinterpret_cast<const char*>(ahead), _MM_HINT_T0);
    }
    left.store(row, load_words(sums));
    right.store(row, load_words(sums + kLanes));
    sums += kSliceColumns;
  }
}

/// All tiles of a block against one K block of one panel. next: the panel's following block, to be fetched
/// from memory while this one is multiplied.
template <typename P>
void multiply_panel(const LinearArgs& args, const Block& b, size_t panel, size_t first_word, size_t words,
                    const char* next, size_t next_lines) {
  const size_t rows_in_block = b.row_end - b.row_begin;
  const size_t calls = kSlices * (b.tile_last - b.tile_first);
  const size_t lines_per_call = (next_lines + calls - 1) / calls;
  const size_t at = panel - b.panel_first;
  for (size_t slice = 0; slice < kSlices; ++slice) {
    uint32_t* sums = b.sums + (at * kSlices + slice) * rows_in_block * kSliceColumns;
    stage<P>(args.weight, panel, slice, first_word, words, b.weights);
    for (size_t tile = b.tile_first; tile < b.tile_last; ++tile) {
      const size_t row = tile_begin(args.n_rows, tile), rows = tile_begin(args.n_rows, tile + 1) - row;
      TileArgs t;
      t.rows = prepared_words<P>(args, row) + first_word * rows;
      t.weights = b.weights;
      t.sums = sums + (row - b.row_begin) * kSliceColumns;
      t.words = words;
      t.first = first_word == 0;
      t.prefetch = next;
      t.prefetch_lines = lines_per_call < next_lines ? lines_per_call : next_lines;
      if (t.prefetch_lines > words) t.prefetch_lines = words;
      multiply_rows<P>(rows, t);
      next += t.prefetch_lines * 64;
      next_lines -= t.prefetch_lines;
    }
    if (first_word + words == word_count<P>(args.weight.k)) {
      finish_slice<P>(args, b, panel * kPanelColumns + slice * kSliceColumns, sums);
    }
  }
}

template <typename P>
void multiply_block(const LinearArgs& args, const Block& b) {
  const size_t total = word_count<P>(args.weight.k);
  const size_t panel_size = panel_bytes(P::kType, args.weight.k);
  constexpr size_t kWordBytes = kPanelColumns * 4 / P::kSplit;  // of packed weights
  for (size_t first = 0; first < total; first += kBlockWords) {
    const size_t words = total - first < kBlockWords ? total - first : kBlockWords;
    for (size_t panel = b.panel_first; panel < b.panel_last; ++panel) {
      const char* data = static_cast<const char*>(args.weight.data);
      const size_t end = first + words;
      const bool more = end < total;
      const size_t next_panel = more ? panel : panel + (b.panel_last - b.panel_first);
      const size_t next_words = more ? total - end : total;
      const char* next = data + next_panel * panel_size + (more ? end * kWordBytes : 0);
      const size_t bytes = next_panel < args.panel_end
                               ? (next_words < kBlockWords ? next_words : kBlockWords) * kWordBytes
                               : 0;
      multiply_panel<P>(args, b, panel, first, words, next, bytes / 64);
    }
  }
}

template <typename P>
void gemm(const LinearArgs& args) {
  Block b;
  b.sums = static_cast<uint32_t*>(args.scratch);
  const size_t tiles = tile_count(args.n_rows);
  constexpr size_t kBlockTiles = kBlockRows / kTileRows;
  for (b.tile_first = 0; b.tile_first < tiles; b.tile_first = b.tile_last) {
    b.tile_last = b.tile_first + kBlockTiles < tiles ? b.tile_first + kBlockTiles : tiles;
    b.row_begin = tile_begin(args.n_rows, b.tile_first);
    b.row_end = tile_begin(args.n_rows, b.tile_last);
    b.weights = b.sums + (b.row_end - b.row_begin) * kPanelColumns * kGroupPanels;
    for (b.panel_first = args.panel_begin; b.panel_first < args.panel_end; b.panel_first = b.panel_last) {
      const size_t end = b.panel_first + kGroupPanels;
      b.panel_last = end < args.panel_end ? end : args.panel_end;
      multiply_block<P>(args, b);
    }
  }
}

// ---- the kernels of a policy ----

inline size_t no_scratch(size_t, size_t) { return 0; }

template <typename P>
constexpr LinearKernel decode_kernel(const char* name) {
  LinearKernel kernel;
  kernel.name = name;
  kernel.type = P::kType;
  kernel.max_rows = kDecodeRows;
  kernel.prepared_bytes = prepared_bytes<P>;
  kernel.prepare_items = tile_count;
  kernel.prepare = prepare<P>;
  kernel.scratch_bytes = no_scratch;
  kernel.run = decode<P>;
  return kernel;
}

template <typename P>
constexpr LinearKernel gemm_kernel(const char* name) {
  LinearKernel kernel = decode_kernel<P>(name);
  kernel.max_rows = static_cast<size_t>(-1);
  kernel.scratch_bytes = gemm_scratch_bytes<P>;
  kernel.run = gemm<P>;
  return kernel;
}
