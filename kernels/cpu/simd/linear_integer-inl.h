// SPDX-License-Identifier: Apache-2.0
// Products of integer weights and rows in int8; contract in linear_args.h. Textual; needs
// linear_quantize-inl.h, linear_unpack-inl.h and linear_gemm-inl.h.
//
// A policy P multiplies words of four unsigned weights q with four signed inputs a, exactly:
//
//   kInputs      inputs of one prepared word
//   kPartWords   prepared words of four inputs; kInputs * kPartWords = 4
//   convert      64 int8 inputs to 64 / kInputs words
//   split        four unsigned weights to kPartWords vectors of such words
//   accumulate   i32 sum + word * weights
//
// A group's sum of q * a becomes sum of (q - zero) * a by taking away zero * (sum of a): where every zero is
// the same, sums start with that; else it is taken away in f32. Groups are added up in f32, in order,
// so that any number of rows and any split give the same bits.

// ---- rows: scales f32 and offsets [groups][padded rows], then words [tile][word][row] ----
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
    return (2 * w.groups * padded_rows(n_rows) + n_rows * padded_k(w.type, w.k) / P::kInputs) *
           sizeof(uint32_t);
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
    uint32_t pieces[kLanes][64] = {};
    for (size_t input = 0; input < total; input += 64) {
      int8_t q[kTileRows][64];
      quantize_block(input, q, 0);
      quantize_block(input + kBlockInputs, q, kBlockInputs);
      for (size_t r = 0; r < rows; ++r) P::convert(q[r], pieces[r]);
      interleave_rows(pieces, rows, kPieceWords, dst);
      dst += kPieceWords * rows;
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
  float factor[kTileRows];
  WordVec sum[kTileRows];
};

template <typename P>
void prepare_integers(const LinearArgs& args, size_t item_begin, size_t item_end) {
  for (size_t tile = item_begin; tile < item_end; ++tile) {
    const size_t first = tile_begin(args.n_rows, tile);
    RowQuantizer<P>(args, first, tile_begin(args.n_rows, tile + 1) - first).run();
  }
}

// ---- groups ----

/// What an i32 sum starts with.
template <typename P>
WordVec start_sum(const PackedWeight& w, const IntegerRows<P>& rows, size_t group, size_t row) {
  return w.zero != nullptr ? zero_words() : broadcast_word(rows.offsets + group * rows.stride + row);
}

/// The scale and zero points of one group of kLanes outputs.
struct GroupScale {
  GroupScale(const PackedWeight& w, size_t panel, size_t group, size_t column) {
    const size_t at = scale_index(w, panel, group, column);
    scale = load_scales(w, at);
    asymmetric = w.zero != nullptr;
    zero = asymmetric ? to_f32(widen_bytes(w.zero + at)) : zero_f32();
  }

  /// total + the group's exact sum in its scales.
  template <typename P>
  FloatVec add(FloatVec total, WordVec sum, const IntegerRows<P>& rows, size_t group, size_t row) const {
    const size_t at = group * rows.stride + row;
    FloatVec value = to_f32(sum);
    if (asymmetric) value = negated_multiply_add(zero, as_f32(broadcast_word(rows.offsets + at)), value);
    return multiply_add(value, multiply(scale, set_f32(rows.scales[at])), total);
  }

  FloatVec scale, zero;
  bool asymmetric;
};

// ---- decode ----

// Bytes ahead of the stream, to the second cache: with few bits a lane, fetching to the first left 10 % of
// the bandwidth unused. Groups ahead of the scales.
constexpr size_t kIntegerPrefetch = 8192;
constexpr size_t kScalesAhead = 2;
// Sums that are held in registers.
constexpr size_t kMostSums = 16;

/// Fetches the scales and zero points of one group of a panel.
inline void fetch_scales(const PackedWeight& w, size_t panel_group) {
  const size_t bytes = kPanelColumns * scale_size(w.scale_type);
  const char* scales = static_cast<const char*>(w.scale) + panel_group * bytes;
  for (size_t at = 0; at < bytes; at += 64) _mm_prefetch(scales + at, _MM_HINT_T0);
  if (w.zero != nullptr) {
    _mm_prefetch(reinterpret_cast<const char*>(w.zero) + panel_group * kPanelColumns, _MM_HINT_T0);
  }
}

/// The products of one panel and kRows rows. Parts may stay where they are in their words, with a sum for
/// each place: shifting the sums at the end of a group is cheaper than every part, while there are registers.
template <typename P, WeightType kType, size_t kRows>
struct PanelSums {
  static constexpr size_t kFields = kPartsPerWord<kType>;
  static constexpr bool kInPlace = kFields * kRows * kPanelVectors <= kMostSums;
  static constexpr size_t kPlaces = kInPlace ? kFields : 1;

  WordVec sum[kPlaces][kPanelVectors][kRows];

  void start(const PackedWeight& w, const IntegerRows<P>& rows, size_t group) {
    TRANSOM_UNROLL
    for (size_t v = 0; v < kPanelVectors; ++v) {
      TRANSOM_UNROLL
      for (size_t r = 0; r < kRows; ++r) {
        sum[0][v][r] = start_sum(w, rows, group, r);
        TRANSOM_UNROLL
        for (size_t place = 1; place < kPlaces; ++place) sum[place][v][r] = zero_words();
      }
    }
  }

  /// words: the rows' words of the block.
  void add_part(WordVec part, size_t index, size_t place, size_t v, const uint32_t* words) {
    WordVec split[P::kPartWords];
    P::split(part, split);
    TRANSOM_UNROLL
    for (size_t s = 0; s < P::kPartWords; ++s) {
      TRANSOM_UNROLL
      for (size_t r = 0; r < kRows; ++r) {
        const WordVec word = broadcast_word(words + (index * P::kPartWords + s) * kRows + r);
        sum[place][v][r] = P::accumulate(sum[place][v][r], word, split[s]);
      }
    }
  }

  /// 32 inputs, read from the first byte to the last: jumping within a block costs bandwidth.
  void add_block(const char* block, const uint32_t* words) {
    WordVec kept[weight_bits(kType)][kPanelVectors];
    TRANSOM_UNROLL
    for (size_t w = 0; w < weight_bits(kType); ++w) {
      TRANSOM_UNROLL
      for (size_t v = 0; v < kPanelVectors; ++v) {
        const WordVec stored = load_words(block + (w * kPanelVectors + v) * kLanes * 4);
        kept[w][v] = stored;
        for (size_t field = 0; field < kFields; ++field) {
          WordVec part = part_in_place<kType>(stored, field);
          if constexpr (!kInPlace) part = shift_right_words(part, static_cast<int>(field) * kPartBits<kType>);
          add_part(part, w * kFields + field, kInPlace ? field : 0, v, words);
        }
      }
    }
    if constexpr (kType == WeightType::i3) {
      TRANSOM_UNROLL
      for (size_t v = 0; v < kPanelVectors; ++v) {
        add_part(last_part_i3(kept[0][v], kept[2][v], 6), 6, 0, v, words);
        add_part(last_part_i3(kept[1][v], kept[2][v], 7), 7, 0, v, words);
      }
    }
  }

  WordVec result(size_t v, size_t r) const {
    WordVec all = sum[0][v][r];
    TRANSOM_UNROLL
    for (size_t place = 1; place < kPlaces; ++place)
      all = add_words(all, shift_right_signed(sum[place][v][r], static_cast<int>(place) * kPartBits<kType>));
    return all;
  }
};

template <typename P, WeightType kType, size_t kRows>
void decode_integer_panel(const LinearArgs& args, size_t panel) {
  constexpr size_t kBlockBytes = weight_bits(kType) * kPanelColumns * 4;
  const PackedWeight& w = args.weight;
  const IntegerRows<P> rows(args);
  const uint32_t* words = rows.words;
  const char* stream = static_cast<const char*>(w.data) + panel * panel_bytes(kType, w.k);
  FloatVec total[kPanelVectors][kRows];
  TRANSOM_UNROLL
  for (size_t v = 0; v < kPanelVectors; ++v) {
    TRANSOM_UNROLL
    for (size_t r = 0; r < kRows; ++r) total[v][r] = zero_f32();
  }
  size_t input = 0;
  for (size_t group = 0; group < w.groups; ++group) {
    fetch_scales(w, panel * w.groups + group + kScalesAhead);
    PanelSums<P, kType, kRows> sums;
    sums.start(w, rows, group);
    for (const size_t end = group_end(w, group); input < end; input += kBlockInputs) {
      TRANSOM_UNROLL
      for (size_t line = 0; line < kBlockBytes / 64; ++line)
        _mm_prefetch(stream + kIntegerPrefetch + line * 64, _MM_HINT_T1);
      sums.add_block(stream, words);
      words += kBlockParts * P::kPartWords * kRows;
      stream += kBlockBytes;
    }
    TRANSOM_UNROLL
    for (size_t v = 0; v < kPanelVectors; ++v) {
      const GroupScale scale(w, panel, group, v * kLanes);
      TRANSOM_UNROLL
      for (size_t r = 0; r < kRows; ++r)
        total[v][r] = scale.add(total[v][r], sums.result(v, r), rows, group, r);
    }
  }
  TRANSOM_UNROLL
  for (size_t v = 0; v < kPanelVectors; ++v) {
    const Output output(args, panel * kPanelColumns + v * kLanes);
    TRANSOM_UNROLL
    for (size_t r = 0; r < kRows; ++r) output.store(r, total[v][r]);
  }
}

template <typename P, WeightType kType>
void decode_integers(const LinearArgs& args) {
  for (size_t panel = args.panel_begin; panel < args.panel_end; ++panel) {
    switch (args.n_rows) {
      case 1:
        decode_integer_panel<P, kType, 1>(args, panel);
        break;
      case 2:
        decode_integer_panel<P, kType, 2>(args, panel);
        break;
      case 3:
        decode_integer_panel<P, kType, 3>(args, panel);
        break;
      default:
        decode_integer_panel<P, kType, 4>(args, panel);
        break;
    }
  }
}

// ---- gemm ----

template <typename P, WeightType kIntegers>
struct IntegerProduct {
  static constexpr WeightType kType = kIntegers;
  static constexpr size_t kInputs = P::kInputs;
  // Sums of a group that blocks cut apart, i32, and totals of groups, f32.
  static constexpr size_t kSumPlanes = 2;

  /// Whole groups where they fit a block, else parts of one group.
  static size_t block_end(const PackedWeight& w, size_t first) {
    constexpr size_t kMost = kBlockWords * kInputs;
    const size_t total = padded_k(kType, w.k);
    size_t end = first + kMost;
    if (w.groups > 1) {
      const size_t whole = kMost / w.group * w.group;
      const size_t this_group = group_end(w, group_of(w, first));
      if (whole > 0) {
        end = first + whole;
      } else if (this_group < end) {
        end = this_group;
      }
    }
    return end < total ? end : total;
  }

  static void stage(const PackedWeight& w, size_t panel, size_t slice, size_t first, size_t end,
                    uint32_t* dst) {
    const uint32_t* src = static_cast<const uint32_t*>(w.data) + panel * (panel_bytes(kType, w.k) / 4) +
                          first / kBlockInputs * weight_bits(kType) * kPanelColumns + slice * kSliceColumns;
    for (size_t input = first; input < end; input += kBlockInputs) {
      TRANSOM_UNROLL
      for (size_t v = 0; v < 2; ++v) {
        WordVec parts[kBlockParts];
        unpack_block<kType>(src + v * kLanes, parts);
        TRANSOM_UNROLL
        for (size_t t = 0; t < kBlockParts; ++t) {
          WordVec part[P::kPartWords];
          P::split(parts[t], part);
          TRANSOM_UNROLL
          for (size_t s = 0; s < P::kPartWords; ++s)
            store_words(dst + (t * P::kPartWords + s) * kSliceColumns + v * kLanes, part[s]);
        }
      }
      src += weight_bits(kType) * kPanelColumns;
      dst += kBlockParts * P::kPartWords * kSliceColumns;
    }
  }

  /// Adds the finished sums of a group to the totals; stores results after the last group.
  template <size_t kRows>
  static void finish_group(const GemmTile& t, const IntegerRows<P>& rows, size_t group, WordVec (*sum)[2]) {
    const PackedWeight& w = t.args.weight;
    float* totals = reinterpret_cast<float*>(t.sums + t.plane_stride);
    const GroupScale left(w, t.panel, group, t.slice * kSliceColumns);
    const GroupScale right(w, t.panel, group, t.slice * kSliceColumns + kLanes);
    FloatVec total[kRows][2];
    TRANSOM_UNROLL
    for (size_t r = 0; r < kRows; ++r) {
      const FloatVec before_left = group == 0 ? zero_f32() : load_f32(totals + r * kSliceColumns);
      const FloatVec before_right = group == 0 ? zero_f32() : load_f32(totals + r * kSliceColumns + kLanes);
      total[r][0] = left.add(before_left, sum[r][0], rows, group, t.row + r);
      total[r][1] = right.add(before_right, sum[r][1], rows, group, t.row + r);
      if (group + 1 < w.groups) {
        store_f32(totals + r * kSliceColumns, total[r][0]);
        store_f32(totals + r * kSliceColumns + kLanes, total[r][1]);
      }
    }
    if (group + 1 < w.groups) return;
    const Output left_output(t.args, t.out()), right_output(t.args, t.out() + kLanes);
    TRANSOM_UNROLL
    for (size_t r = 0; r < kRows; ++r) {
      left_output.store(t.row + r, total[r][0]);
      right_output.store(t.row + r, total[r][1]);
    }
  }

  template <size_t kRows>
  static void multiply(GemmTile& t) {
    const PackedWeight& w = t.args.weight;
    const IntegerRows<P> prepared(t.args);
    const uint32_t* rows = prepared.words + t.row * prepared.words_per_row + t.first / kInputs * kRows;
    const uint32_t* weights = t.weights;
    for (size_t input = t.first; input < t.end;) {
      const size_t group = group_of(w, input);
      const size_t whole = group_end(w, group), end = whole < t.end ? whole : t.end;
      WordVec sum[kRows][2];
      if (input == group * w.group) {
        TRANSOM_UNROLL
        for (size_t r = 0; r < kRows; ++r) sum[r][0] = sum[r][1] = start_sum(w, prepared, group, t.row + r);
      } else {
        TRANSOM_UNROLL
        for (size_t r = 0; r < kRows; ++r) {
          sum[r][0] = load_words(t.sums + r * kSliceColumns);
          sum[r][1] = load_words(t.sums + r * kSliceColumns + kLanes);
        }
      }
      for (; input < end; input += kInputs) {
        t.ahead.step();
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
      if (end == whole) {
        finish_group<kRows>(t, prepared, group, sum);
        continue;
      }
      TRANSOM_UNROLL
      for (size_t r = 0; r < kRows; ++r) {
        store_words(t.sums + r * kSliceColumns, sum[r][0]);
        store_words(t.sums + r * kSliceColumns + kLanes, sum[r][1]);
      }
    }
  }
};

// ---- the kernels of a policy ----

template <typename P, WeightType kType>
constexpr LinearKernel integer_gemm_kernel(const char* name) {
  LinearKernel kernel;
  kernel.name = name;
  kernel.type = kType;
  kernel.prepared_bytes = IntegerRows<P>::bytes;
  kernel.prepare_items = tile_count;
  kernel.prepare = prepare_integers<P>;
  kernel.scratch_bytes = gemm_scratch_bytes<IntegerProduct<P, kType>>;
  kernel.run = gemm<IntegerProduct<P, kType>>;
  return kernel;
}

template <typename P, WeightType kType>
constexpr LinearKernel integer_decode_kernel(const char* name) {
  LinearKernel kernel = integer_gemm_kernel<P, kType>(name);
  kernel.max_rows = kDecodeRows;
  kernel.scratch_bytes = [](const PackedWeight&, size_t) { return size_t{0}; };
  kernel.run = decode_integers<P, kType>;
  return kernel;
}
