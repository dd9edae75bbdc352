// SPDX-License-Identifier: Apache-2.0
// The cache blocks of products of many rows. Textual; needs linear_rows-inl.h.
//
// For a block of inputs of kGroupPanels panels, weights are turned into what is multiplied and laid out by
// slices of two vectors, in L1 while all row tiles pass; sums that are not finished are kept in scratch (L2).
// Staging a slice right before its use beats staging whole panels: the buffer never leaves L1.
//
// A product K says what differs between floats and integers:
//
//   kType, kInputs        weight type; inputs of one 32-bit word of a prepared row
//   kSumPlanes            arrays of 32-bit sums that are carried from block to block
//   block_end             where the block of inputs that begins at `first` ends
//   stage                 weights of a block of one slice, to [words][kSliceColumns]
//   Tiles                 how rows are cut into tiles, and inputs into blocks of kBlockWords words
//   multiply(rows, tile)  one tile of rows, one slice, one block; stores results after the last block

// Panels that share one pass over the rows' words. 2 and 8 measured within 1 % of 4.
constexpr size_t kGroupPanels = 4;
// Rows of a block: 512 x 192 words are 384 KB of L2, their sums for 4 panels 512 KB. 128 rows: 5 % slower.
constexpr size_t kBlockRows = 512;

/// A tile of rows against a block of inputs of one slice.
struct GemmTile {
  const LinearArgs& args;
  size_t row;  // first row
  size_t panel, slice;
  size_t first, end;        // inputs
  const uint32_t* weights;  // staged
  uint32_t* sums;           // [kSumPlanes] at plane_stride, each [rows][kSliceColumns]
  size_t plane_stride;
  LinesAhead ahead;

  size_t out() const { return panel * kPanelColumns + slice * kSliceColumns; }
};

/// K::multiply_tile of 1 <= rows <= kTileRows.
template <typename K, size_t kRows = kTileRows>
void multiply_rows(size_t rows, const GemmTile& tile) {
  if constexpr (kRows > 1) {
    if (rows != kRows) return multiply_rows<K, kRows - 1>(rows, tile);
  }
  K::template multiply_tile<kRows>(tile);
}

/// Rows [row_begin, row_end) are the tiles [tile_first, tile_last); panels [panel_first, panel_last).
struct GemmBlock {
  size_t tile_first, tile_last, row_begin, row_end, panel_first, panel_last;
  uint32_t *sums, *weights;
};

template <typename K>
size_t gemm_scratch_bytes(const PackedWeight& /*weight*/, size_t n_rows) {
  constexpr size_t kMost = kBlockRows + K::Tiles::kRows;
  const size_t rows = K::Tiles::padded(n_rows < kMost ? n_rows : kMost);
  return (K::kSumPlanes * rows * kPanelColumns * kGroupPanels + K::Tiles::kBlockWords * kSliceColumns) *
         sizeof(uint32_t);
}

/// All tiles of a block against the inputs [first, end) of one panel. next: what will be read after it, to be
/// fetched from memory meanwhile.
template <typename K>
void multiply_panel(const LinearArgs& args, const GemmBlock& b, size_t panel, size_t first, size_t end,
                    LinesAhead next) {
  const size_t rows_in_block = K::Tiles::padded(b.row_end - b.row_begin);
  const size_t calls = kSlices * (b.tile_last - b.tile_first);
  const size_t lines_per_call = (next.lines + calls - 1) / calls;
  const size_t plane_stride = rows_in_block * kPanelColumns * kGroupPanels;
  for (size_t slice = 0; slice < kSlices; ++slice) {
    uint32_t* sums = b.sums + ((panel - b.panel_first) * kSlices + slice) * rows_in_block * kSliceColumns;
    K::stage(args.weight, panel, slice, first, end, b.weights);
    for (size_t i = b.tile_first; i < b.tile_last; ++i) {
      const size_t row = K::Tiles::begin(args.n_rows, i);
      const size_t lines = lines_per_call < next.lines ? lines_per_call : next.lines;
      const GemmTile tile{args,         row,
                          panel,        slice,
                          first,        end,
                          b.weights,    sums + (row - b.row_begin) * kSliceColumns,
                          plane_stride, {next.next, lines}};
      K::multiply(K::Tiles::begin(args.n_rows, i + 1) - row, tile);
      next.next += lines * 64;
      next.lines -= lines;
    }
  }
}

/// The packed bytes of inputs [first, end) of a panel as lines to fetch; none past the panels of this call.
template <typename K>
LinesAhead lines_of(const LinearArgs& args, size_t panel, size_t first, size_t end) {
  const size_t input_bytes = weight_bits(K::kType) * (kPanelColumns / 8);  // of one input, all 64 outputs
  const char* data =
      static_cast<const char*>(args.weight.data) + panel * panel_bytes(K::kType, args.weight.k);
  return {data + first * input_bytes, panel < args.panel_end ? (end - first) * input_bytes / 64 : 0};
}

template <typename K>
void multiply_block(const LinearArgs& args, const GemmBlock& b) {
  const size_t total = padded_k(K::kType, args.weight.k);
  for (size_t first = 0, end = 0; first < total; first = end) {
    end = K::block_end(args.weight, first);
    const size_t first_end = K::block_end(args.weight, 0);
    for (size_t panel = b.panel_first; panel < b.panel_last; ++panel) {
      const LinesAhead next = end < total
                                  ? lines_of<K>(args, panel, end, K::block_end(args.weight, end))
                                  : lines_of<K>(args, panel + (b.panel_last - b.panel_first), 0, first_end);
      multiply_panel<K>(args, b, panel, first, end, next);
    }
  }
}

template <typename K>
void gemm(const LinearArgs& args) {
  GemmBlock b;
  b.weights = static_cast<uint32_t*>(args.scratch);
  b.sums = b.weights + K::Tiles::kBlockWords * kSliceColumns;
  const size_t tiles = K::Tiles::count(args.n_rows);
  constexpr size_t kBlockTiles = kBlockRows / K::Tiles::kRows;
  for (b.tile_first = 0; b.tile_first < tiles; b.tile_first = b.tile_last) {
    b.tile_last = b.tile_first + kBlockTiles < tiles ? b.tile_first + kBlockTiles : tiles;
    b.row_begin = K::Tiles::begin(args.n_rows, b.tile_first);
    b.row_end = K::Tiles::begin(args.n_rows, b.tile_last);
    for (b.panel_first = args.panel_begin; b.panel_first < args.panel_end; b.panel_first = b.panel_last) {
      const size_t end = b.panel_first + kGroupPanels;
      b.panel_last = end < args.panel_end ? end : args.panel_end;
      multiply_block<K>(args, b);
    }
  }
}
