// SPDX-License-Identifier: Apache-2.0
// Products of f32 and bf16 weights; contract in linear_args.h. Textual; needs linear_policies-inl.h and
// linear_gemm-inl.h.
//
// Rows are prepared once into words (see the policies), in tiles of at most kTileRows rows,
// [tile][word][row], so that the inner loop reads them as one stream. Decode takes the whole panel, 64
// outputs, straight from memory: one linear stream per thread. Both kernels add the products of an output in
// the order of the inputs, one chain: the same bits for any number of rows and any split.

template <typename P>
constexpr size_t word_count(size_t k) {
  return padded_k(P::kType, k) / P::kInputs;
}

template <typename P>
size_t prepared_bytes(const PackedWeight& weight, size_t n_rows) {
  return n_rows * word_count<P>(weight.k) * sizeof(uint32_t);
}

template <typename P>
void prepare_tile(const LinearArgs& args, size_t first_row, size_t rows) {
  constexpr size_t kPieceWords = 64 / P::kInputs;
  const size_t k = args.weight.k, words = word_count<P>(k);
  uint32_t* dst = static_cast<uint32_t*>(args.prepared) + first_row * words;
  uint32_t pieces[kLanes][64] = {};
  for (size_t word = 0; word < words; word += kPieceWords) {
    const size_t input = word * P::kInputs;
    const size_t count = input >= k ? 0 : k - input < 64 ? k - input : 64;
    for (size_t r = 0; r < rows; ++r)
      P::convert(args.src + (first_row + r) * args.src_stride + input, count, pieces[r]);
    const size_t filled = words - word < kPieceWords ? words - word : kPieceWords;
    interleave_rows(pieces, rows, filled, dst + word * rows);
  }
}

template <typename P>
void prepare(const LinearArgs& args, size_t item_begin, size_t item_end) {
  for (size_t tile = item_begin; tile < item_end; ++tile) {
    const size_t first = EvenTiles::begin(args.n_rows, tile);
    prepare_tile<P>(args, first, EvenTiles::begin(args.n_rows, tile + 1) - first);
  }
}

// ---- decode ----

template <typename P, size_t kRows>
void decode_panel(const LinearArgs& args, size_t panel) {
  const uint32_t* words = static_cast<const uint32_t*>(args.prepared);
  const char* stream =
      static_cast<const char*>(args.weight.data) + panel * panel_bytes(P::kType, args.weight.k);
  const size_t groups = word_count<P>(args.weight.k) / P::kSplit;
  FloatVec sum[kRows][kPanelVectors];
  TRANSOM_UNROLL
  for (size_t r = 0; r < kRows; ++r) {
    TRANSOM_UNROLL
    for (size_t v = 0; v < kPanelVectors; ++v) sum[r][v] = zero_f32();
  }
  for (size_t g = 0; g < groups; ++g) {
    fetch_stream<kPanelColumns * 4>(stream);
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
    const Output output(args, panel * kPanelColumns + v * kLanes);
    TRANSOM_UNROLL
    for (size_t r = 0; r < kRows; ++r) output.store(r, sum[r][v]);
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

template <typename P>
struct FloatProduct {
  using Tiles = EvenTiles;
  static constexpr WeightType kType = P::kType;
  static constexpr size_t kInputs = P::kInputs, kSumPlanes = 1;

  static size_t block_end(const PackedWeight& w, size_t first) {
    const size_t end = first + Tiles::kBlockWords * kInputs, total = padded_k(kType, w.k);
    return end < total ? end : total;
  }

  static void stage(const PackedWeight& w, size_t panel, size_t slice, size_t first, size_t end,
                    uint32_t* dst) {
    P::stage(w, panel, slice, first, end, dst);
  }

  static void multiply(size_t rows, const GemmTile& t) { multiply_rows<FloatProduct>(rows, t); }

  template <size_t kRows>
  static void multiply_tile(const GemmTile& t) {
    FloatVec sum[kRows][2];
    float* sums = reinterpret_cast<float*>(t.sums);
    TRANSOM_UNROLL
    for (size_t r = 0; r < kRows; ++r) sum[r][0] = sum[r][1] = zero_f32();
    if (t.first > 0) {
      TRANSOM_UNROLL
      for (size_t r = 0; r < kRows; ++r) {
        sum[r][0] = load_f32(sums + r * kSliceColumns);
        sum[r][1] = load_f32(sums + r * kSliceColumns + kLanes);
      }
    }
    const uint32_t* rows = static_cast<const uint32_t*>(t.args.prepared) +
                           t.row * word_count<P>(t.args.weight.k) + t.first / kInputs * kRows;
    const uint32_t* weights = t.weights;
    LinesAhead ahead = t.ahead;  // here, so that it stays in registers
    for (size_t w = t.first / kInputs; w < t.end / kInputs; ++w) {
      ahead.step();
      const WordVec left = load_words(weights), right = load_words(weights + kLanes);
      TRANSOM_UNROLL
      for (size_t r = 0; r < kRows; ++r) {
        const WordVec word = broadcast_word(rows + r);
        sum[r][0] = P::accumulate(sum[r][0], word, left);
        sum[r][1] = P::accumulate(sum[r][1], word, right);
      }
      rows += kRows;
      weights += kSliceColumns;
    }
    if (t.end < padded_k(kType, t.args.weight.k)) {
      TRANSOM_UNROLL
      for (size_t r = 0; r < kRows; ++r) {
        store_f32(sums + r * kSliceColumns, sum[r][0]);
        store_f32(sums + r * kSliceColumns + kLanes, sum[r][1]);
      }
      return;
    }
    const Output left(t.args, t.out()), right(t.args, t.out() + kLanes);
    TRANSOM_UNROLL
    for (size_t r = 0; r < kRows; ++r) {
      left.store(t.row + r, sum[r][0]);
      right.store(t.row + r, sum[r][1]);
    }
  }
};

// ---- the kernels of a policy ----

template <typename P>
constexpr LinearKernel gemm_kernel(const char* name) {
  LinearKernel kernel;
  kernel.name = name;
  kernel.type = P::kType;
  kernel.prepared_bytes = prepared_bytes<P>;
  kernel.prepare_items = EvenTiles::count;
  kernel.prepare = prepare<P>;
  kernel.scratch_bytes = gemm_scratch_bytes<FloatProduct<P>>;
  kernel.run = gemm<FloatProduct<P>>;
  return kernel;
}

inline size_t no_scratch(const PackedWeight&, size_t) { return 0; }

template <typename P>
constexpr LinearKernel decode_kernel(const char* name) {
  LinearKernel kernel = gemm_kernel<P>(name);
  kernel.max_rows = kDecodeRows;
  kernel.scratch_bytes = no_scratch;
  kernel.run = decode<P>;
  return kernel;
}
