// SPDX-License-Identifier: Apache-2.0
// Products of integer weights and rows in int8; contract in linear_args.h. Textual; needs
// linear_quantize-inl.h, linear_unpack-inl.h and linear_gemm-inl.h.
//
// A policy P multiplies words of four unsigned weights q with four signed inputs a, exactly:
//
//   Tiles        how rows are cut into tiles; EvenTiles without it
//   kInputs      inputs of one prepared word
//   kPartWords   prepared words of four inputs; kInputs * kPartWords = 4
//   convert      64 int8 inputs to 64 / kInputs words; without it, rows keep their 64 inputs together
//   split        four unsigned weights to kPartWords vectors of such words
//   accumulate   i32 sum + word * weights
//
// or, instead of accumulate, multiply_narrow, add_narrow and widen: products that are summed within a block
// of 32 inputs first, in less than 32 bits, and then widened to i32.
//
// A group's sum of q * a becomes sum of (q - zero) * a by taking away zero * (sum of a): where every zero is
// the same, sums start with that; else it is taken away in f32. Groups are added up in f32, in order,
// so that any number of rows and any split give the same bits.

template <typename P>
constexpr bool kNarrow = requires(WordVec v) {
  P::widen(v);
};
template <typename P>
struct TilesOf {
  using Type = EvenTiles;
};
template <typename P>
requires requires { typename P::Tiles; }
struct TilesOf<P> {
  using Type = typename P::Tiles;
};
template <typename P>
using RowTiles = typename TilesOf<P>::Type;
template <typename P>
constexpr bool kInterleaved = requires(const int8_t* q, uint32_t* words) {
  P::convert(q, words);
};

// ---- rows: scales f32 and offsets [groups][padded rows], then words [tile][word][row], or, not interleaved,
// bytes [tile][inputs / 64][row][64] with rows of zeros up to Tiles::padded ----
//
// An offset is what i32 sums start with where all zeros are equal, -zero * (sum of a); else sum of a as f32.

template <typename P>
struct IntegerRows {
  explicit IntegerRows(const LinearArgs& args)
      : stride(padded_rows(args.n_rows)),
        words_per_row(padded_k(args.weight.type, args.weight.k) / P::kInputs),
        scales(static_cast<float*>(args.prepared)),
        offsets(reinterpret_cast<uint32_t*>(scales + args.weight.groups * stride)),
        words(offsets + args.weight.groups * stride) {}

  static size_t bytes(const PackedWeight& w, size_t n_rows) {
    const size_t words = RowTiles<P>::padded(n_rows) * padded_k(w.type, w.k) / P::kInputs;
    return (2 * w.groups * padded_rows(n_rows) + words) * sizeof(uint32_t);
  }

  size_t stride, words_per_row;
  float* scales;
  uint32_t* offsets;
  uint32_t* words;
};

/// Quantises a tile of rows, 32 inputs at a time, each in the scale of its group.
template <typename P>
struct RowQuantizer {
  RowQuantizer(const LinearArgs& args_, size_t first, size_t rows_)
      : args(args_), prepared(args_), first_row(first), rows(rows_) {}

  void run() {
    constexpr size_t kPieceWords = 64 / P::kInputs;
    const size_t total = padded_k(args.weight.type, args.weight.k);
    uint32_t* dst = prepared.words + first_row * prepared.words_per_row;
    const size_t padded = RowTiles<P>::padded(rows);
    [[maybe_unused]] uint32_t pieces[kLanes][64] = {};
    int8_t q[RowTiles<P>::kRows][64] = {};
    for (size_t input = 0; input < total; input += 64) {
      quantize_block(input, q, 0);
      quantize_block(input + kBlockInputs, q, kBlockInputs);
      if constexpr (kInterleaved<P>) {
        for (size_t r = 0; r < rows; ++r) P::convert(q[r], pieces[r]);
        interleave_rows(pieces, rows, kPieceWords, dst);
      } else {
        memcpy(dst, q, padded * sizeof q[0]);
      }
      dst += kPieceWords * padded;
    }
    finish_group(args.weight.groups - 1);
  }

 private:
  void quantize_block(size_t input, int8_t (*q)[64], size_t at) {
    const PackedWeight& w = args.weight;
    if (input < w.k && (input == 0 || (w.groups > 1 && input % w.group == 0))) start_group(input);
    const size_t count = input >= w.k ? 0 : w.k - input < kBlockInputs ? w.k - input : kBlockInputs;
    for (size_t r = 0; r < rows; ++r)
      sum[r] = add_words(sum[r], quantize_piece<kBlockInputs>(row(r) + input, count, factor[r], q[r] + at));
  }

  void start_group(size_t input) {
    const PackedWeight& w = args.weight;
    const size_t group = input / w.group, left = w.k - input;
    if (input > 0) finish_group(group - 1);
    for (size_t r = 0; r < rows; ++r) {
      const RowScale scale = row_scale(row(r) + input, left < w.group ? left : w.group);
      prepared.scales[group * prepared.stride + first_row + r] = scale.scale;
      factor[r] = scale.factor;
      sum[r] = zero_words();
    }
  }

  void finish_group(size_t group) {
    const PackedWeight& w = args.weight;
    const int32_t zero = 1 << (weight_bits(w.type) - 1);
    for (size_t r = 0; r < rows; ++r) {
      const int32_t total = lane_sum_words(sum[r]);
      prepared.offsets[group * prepared.stride + first_row + r] =
          w.zero != nullptr ? f32_to_bits(static_cast<float>(total)) : static_cast<uint32_t>(-zero * total);
    }
  }

  const float* row(size_t r) const { return args.src + (first_row + r) * args.src_stride; }

  const LinearArgs& args;
  IntegerRows<P> prepared;
  size_t first_row, rows;
  float factor[RowTiles<P>::kRows];
  WordVec sum[RowTiles<P>::kRows];
};

template <typename P>
void prepare_integers(const LinearArgs& args, size_t item_begin, size_t item_end) {
  for (size_t tile = item_begin; tile < item_end; ++tile) {
    const size_t first = RowTiles<P>::begin(args.n_rows, tile);
    RowQuantizer<P>(args, first, RowTiles<P>::begin(args.n_rows, tile + 1) - first).run();
  }
}

// ---- groups ----

/// What an i32 sum starts with.
template <typename P>
TRANSOM_INLINE WordVec start_sum(const PackedWeight& w, const IntegerRows<P>& rows, size_t group,
                                 size_t row) {
  return w.zero != nullptr ? zero_words() : broadcast_word(rows.offsets + group * rows.stride + row);
}

/// The scale and zero points of one group of kLanes outputs.
struct GroupScale {
  TRANSOM_INLINE GroupScale(const PackedWeight& w, size_t panel, size_t group, size_t column) {
    const size_t at = scale_index(w, panel, group, column);
    scale = load_scales(w, at);
    zero = w.zero != nullptr ? to_f32(widen_bytes(w.zero + at)) : zero_f32();
  }

  /// total + the group's exact sum in its scales.
  template <bool kZeros, typename P>
  TRANSOM_INLINE FloatVec add(FloatVec total, WordVec sum, const IntegerRows<P>& rows, size_t group,
                              size_t row) const {
    const size_t at = group * rows.stride + row;
    FloatVec value = to_f32(sum);
    if constexpr (kZeros)
      value = negated_multiply_add(zero, as_f32(broadcast_word(rows.offsets + at)), value);
    return multiply_add(value, multiply(scale, set_f32(rows.scales[at])), total);
  }

  FloatVec scale, zero;
};
