// SPDX-License-Identifier: Apache-2.0
// Integer products of 1 to kDecodeRows rows, straight from memory. Textual; needs linear_integer-inl.h.

// Groups.
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
  static constexpr bool kInPlace = !kNarrow<P> && kFields * kRows * kPanelVectors <= kMostSums;
  static constexpr size_t kPlaces = kInPlace ? kFields : 1;

  WordVec sum[kPlaces][kPanelVectors][kRows];
  WordVec narrow[kNarrow<P> ? kPanelVectors : 1][kRows];  // of one block

  TRANSOM_INLINE void start(const PackedWeight& w, const IntegerRows<P>& rows, size_t group) {
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
  TRANSOM_INLINE void add_part(WordVec part, size_t index, size_t place, size_t v, const uint32_t* words) {
    WordVec split[P::kPartWords];
    P::split(part, split);
    TRANSOM_UNROLL
    for (size_t s = 0; s < P::kPartWords; ++s) {
      TRANSOM_UNROLL
      for (size_t r = 0; r < kRows; ++r) {
        const WordVec word = broadcast_word(words + (index * P::kPartWords + s) * kRows + r);
        if constexpr (kNarrow<P>) {
          const WordVec product = P::multiply_narrow(word, split[s]);
          narrow[v][r] = index == 0 ? product : P::add_narrow(narrow[v][r], product);
        } else {
          sum[place][v][r] = P::accumulate(sum[place][v][r], word, split[s]);
        }
      }
    }
  }

  /// 32 inputs, read from the first byte to the last: jumping within a block costs bandwidth.
  TRANSOM_INLINE void add_block(const char* block, const uint32_t* words) {
    WordVec kept[weight_bits(kType)][kPanelVectors];
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
    if constexpr (kNarrow<P>) widen();
  }

  TRANSOM_INLINE void widen() {
    TRANSOM_UNROLL
    for (size_t v = 0; v < kPanelVectors; ++v) {
      TRANSOM_UNROLL
      for (size_t r = 0; r < kRows; ++r) sum[0][v][r] = add_words(sum[0][v][r], P::widen(narrow[v][r]));
    }
  }

  TRANSOM_INLINE WordVec result(size_t v, size_t r) const {
    WordVec all = sum[0][v][r];
    TRANSOM_UNROLL
    for (size_t place = 1; place < kPlaces; ++place)
      all = add_words(all, shift_right_signed(sum[place][v][r], static_cast<int>(place) * kPartBits<kType>));
    return all;
  }
};

template <typename P, WeightType kType, size_t kRows, bool kZeros>
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
      fetch_stream<kBlockBytes>(stream);
      sums.add_block(stream, words);
      words += kBlockParts * P::kPartWords * kRows;
      stream += kBlockBytes;
    }
    TRANSOM_UNROLL
    for (size_t v = 0; v < kPanelVectors; ++v) {
      const GroupScale scale(w, panel, group, v * kLanes);
      TRANSOM_UNROLL
      for (size_t r = 0; r < kRows; ++r)
        total[v][r] = scale.add<kZeros>(total[v][r], sums.result(v, r), rows, group, r);
    }
  }
  TRANSOM_UNROLL
  for (size_t v = 0; v < kPanelVectors; ++v) {
    const Output output(args, panel * kPanelColumns + v * kLanes);
    TRANSOM_UNROLL
    for (size_t r = 0; r < kRows; ++r) output.store(r, total[v][r]);
  }
}

template <typename P, WeightType kType, bool kZeros>
void decode_integer_panels(const LinearArgs& args) {
  for (size_t panel = args.panel_begin; panel < args.panel_end; ++panel) {
    switch (args.n_rows) {
      case 1:
        decode_integer_panel<P, kType, 1, kZeros>(args, panel);
        break;
      case 2:
        decode_integer_panel<P, kType, 2, kZeros>(args, panel);
        break;
      case 3:
        decode_integer_panel<P, kType, 3, kZeros>(args, panel);
        break;
      default:
        decode_integer_panel<P, kType, 4, kZeros>(args, panel);
        break;
    }
  }
}

template <typename P, WeightType kType>
void decode_integers(const LinearArgs& args) {
  if (args.weight.zero != nullptr) {
    decode_integer_panels<P, kType, true>(args);
  } else {
    decode_integer_panels<P, kType, false>(args);
  }
}
