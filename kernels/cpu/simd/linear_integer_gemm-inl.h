// SPDX-License-Identifier: Apache-2.0
// Integer products of many rows, and the kernels of a policy. Textual; needs linear_integer_decode-inl.h and
// linear_gemm-inl.h.

/// A tile of rows against staged weights, which are the same words for every width.
template <typename P>
struct IntegerTiles {
  static constexpr size_t kInputs = P::kInputs;

  /// The results of a weight with a single group: its sums need no totals.
  template <bool kZeros, size_t kRows>
  static TRANSOM_INLINE void store_sums(const GemmTile& t, const IntegerRows<P>& rows, WordVec (*sum)[2]) {
    const GroupScale left(t.args.weight, t.panel, 0, t.slice * kSliceColumns);
    const GroupScale right(t.args.weight, t.panel, 0, t.slice * kSliceColumns + kLanes);
    const Output left_output(t.args, t.out()), right_output(t.args, t.out() + kLanes);
    TRANSOM_UNROLL
    for (size_t r = 0; r < kRows; ++r) {
      left_output.store(t.row + r, left.add<kZeros>(zero_f32(), sum[r][0], rows, 0, t.row + r));
      right_output.store(t.row + r, right.add<kZeros>(zero_f32(), sum[r][1], rows, 0, t.row + r));
    }
  }

  /// Adds the finished sums of a group to the totals.
  template <bool kZeros, size_t kRows>
  static TRANSOM_INLINE void add_group(const GemmTile& t, const IntegerRows<P>& rows, size_t group,
                                       WordVec (*sum)[2]) {
    float* totals = reinterpret_cast<float*>(t.sums + t.plane_stride);
    const GroupScale left(t.args.weight, t.panel, group, t.slice * kSliceColumns);
    const GroupScale right(t.args.weight, t.panel, group, t.slice * kSliceColumns + kLanes);
    TRANSOM_UNROLL
    for (size_t r = 0; r < kRows; ++r) {
      float* const to = totals + r * kSliceColumns;
      store_f32(to, left.add<kZeros>(load_f32(to), sum[r][0], rows, group, t.row + r));
      store_f32(to + kLanes, right.add<kZeros>(load_f32(to + kLanes), sum[r][1], rows, group, t.row + r));
    }
  }

  template <size_t kRows>
  static TRANSOM_INLINE void clear_totals(const GemmTile& t) {
    TRANSOM_UNROLL
    for (size_t r = 0; r < kRows; ++r) {
      store_words(t.sums + t.plane_stride + r * kSliceColumns, zero_words());
      store_words(t.sums + t.plane_stride + r * kSliceColumns + kLanes, zero_words());
    }
  }

  template <size_t kRows>
  static TRANSOM_INLINE void store_results(const GemmTile& t) {
    const float* totals = reinterpret_cast<const float*>(t.sums + t.plane_stride);
    const Output left(t.args, t.out()), right(t.args, t.out() + kLanes);
    TRANSOM_UNROLL
    for (size_t r = 0; r < kRows; ++r) {
      left.store(t.row + r, load_f32(totals + r * kSliceColumns));
      right.store(t.row + r, load_f32(totals + r * kSliceColumns + kLanes));
    }
  }

  /// The sums that a group, or what is left of it, begins with.
  template <bool kZeros, size_t kRows>
  static TRANSOM_INLINE void begin_sums(const GemmTile& t, const IntegerRows<P>& rows, size_t group,
                                        bool first, WordVec (*sum)[2]) {
    if (first) {
      TRANSOM_UNROLL
      for (size_t r = 0; r < kRows; ++r) {
        const size_t at = group * rows.stride + t.row + r;
        sum[r][0] = sum[r][1] = kZeros ? zero_words() : broadcast_word(rows.offsets + at);
      }
    } else {
      TRANSOM_UNROLL
      for (size_t r = 0; r < kRows; ++r) {
        sum[r][0] = load_words(t.sums + r * kSliceColumns);
        sum[r][1] = load_words(t.sums + r * kSliceColumns + kLanes);
      }
    }
  }

  /// sum += the products of one step, kInputs inputs.
  template <size_t kRows>
  static TRANSOM_INLINE void add_step(const uint32_t* rows, const uint32_t* weights, WordVec (*sum)[2]) {
    const WordVec left = load_words(weights), right = load_words(weights + kLanes);
    TRANSOM_UNROLL
    for (size_t r = 0; r < kRows; ++r) {
      const WordVec word = broadcast_word(rows + r);
      sum[r][0] = P::accumulate(sum[r][0], word, left);
      sum[r][1] = P::accumulate(sum[r][1], word, right);
    }
  }

  /// sum += the products of a block of kBlockInputs inputs. The i32 sums wait in memory meanwhile: the narrow
  /// ones fill the registers.
  template <size_t kRows>
  static TRANSOM_INLINE void add_narrow_block(const uint32_t* rows, const uint32_t* weights,
                                              LinesAhead& ahead, WordVec (*sum)[2]) {
    WordVec narrow[kRows][2];
    TRANSOM_UNROLL
    for (size_t step = 0; step < kBlockInputs / kInputs; ++step) {
      ahead.step();
      const WordVec left = load_words(weights + step * kSliceColumns),
                    right = load_words(weights + step * kSliceColumns + kLanes);
      TRANSOM_UNROLL
      for (size_t r = 0; r < kRows; ++r) {
        const WordVec word = broadcast_word(rows + step * kRows + r);
        const WordVec first = P::multiply_narrow(word, left), second = P::multiply_narrow(word, right);
        narrow[r][0] = step == 0 ? first : P::add_narrow(narrow[r][0], first);
        narrow[r][1] = step == 0 ? second : P::add_narrow(narrow[r][1], second);
      }
    }
    TRANSOM_UNROLL
    for (size_t r = 0; r < kRows; ++r) {
      sum[r][0] = add_words(sum[r][0], P::widen(narrow[r][0]));
      sum[r][1] = add_words(sum[r][1], P::widen(narrow[r][1]));
    }
  }

  /// kSingle: the weight has one group.
  template <bool kZeros, bool kSingle, size_t kRows>
  static void multiply_groups(const GemmTile& t) {
    const PackedWeight& w = t.args.weight;
    const IntegerRows<P> prepared(t.args);
    const uint32_t* rows = prepared.words + t.row * prepared.words_per_row + t.first / kInputs * kRows;
    const uint32_t* weights = t.weights;
    LinesAhead ahead = t.ahead;  // here, so that it stays in registers
    size_t group = kSingle ? 0 : group_of(w, t.first);
    if (t.first == 0 && !kSingle) clear_totals<kRows>(t);
    for (size_t input = t.first; input < t.end; ++group) {
      const size_t whole = group_end(w, group), end = whole < t.end ? whole : t.end;
      WordVec sum[kRows][2];
      begin_sums<kZeros, kRows>(t, prepared, group, input == group * w.group, sum);
      constexpr size_t kStep = kNarrow<P> ? kBlockInputs : kInputs;
      for (; input < end; input += kStep) {
        if constexpr (kNarrow<P>) {
          add_narrow_block<kRows>(rows, weights, ahead, sum);
        } else {
          ahead.step();
          add_step<kRows>(rows, weights, sum);
        }
        rows += kStep / kInputs * kRows;
        weights += kStep / kInputs * kSliceColumns;
      }
      if (end != whole) {
        TRANSOM_UNROLL
        for (size_t r = 0; r < kRows; ++r) {
          store_words(t.sums + r * kSliceColumns, sum[r][0]);
          store_words(t.sums + r * kSliceColumns + kLanes, sum[r][1]);
        }
      } else if constexpr (kSingle) {
        return store_sums<kZeros, kRows>(t, prepared, sum);
      } else {
        add_group<kZeros, kRows>(t, prepared, group, sum);
      }
      if constexpr (kSingle) return;
    }
    if (group == w.groups) store_results<kRows>(t);
  }

  template <size_t kRows>
  static void multiply_tile(const GemmTile& t) {
    const PackedWeight& w = t.args.weight;
    if (w.zero != nullptr) {
      w.groups == 1 ? multiply_groups<true, true, kRows>(t) : multiply_groups<true, false, kRows>(t);
    } else {
      w.groups == 1 ? multiply_groups<false, true, kRows>(t) : multiply_groups<false, false, kRows>(t);
    }
  }
};

/// The weights of a policy's products.
template <typename P, WeightType kIntegers>
struct IntegerWeights {
  using Tiles = RowTiles<P>;
  static constexpr WeightType kType = kIntegers;
  static constexpr size_t kInputs = P::kInputs;
  // Sums of a group that blocks cut apart, i32, and totals of groups, f32.
  static constexpr size_t kSumPlanes = 2;

  /// Whole groups where they fit a block, else parts of one group.
  static size_t block_end(const PackedWeight& w, size_t first) {
    constexpr size_t kMost = Tiles::kBlockWords * kInputs;
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
};

template <typename P, WeightType kType>
struct IntegerProduct : IntegerWeights<P, kType>, IntegerTiles<P> {
  static void multiply(size_t rows, const GemmTile& t) { multiply_rows<IntegerTiles<P>>(rows, t); }
};

// ---- the kernels of a policy ----

template <typename P, WeightType kType, template <typename, WeightType> typename Product = IntegerProduct>
constexpr LinearKernel integer_gemm_kernel(const char* name) {
  LinearKernel kernel;
  kernel.name = name;
  kernel.type = kType;
  kernel.prepared_bytes = IntegerRows<P>::bytes;
  kernel.prepare_items = RowTiles<P>::count;
  kernel.prepare = prepare_integers<P>;
  kernel.scratch_bytes = gemm_scratch_bytes<Product<P, kType>>;
  kernel.run = gemm<Product<P, kType>>;
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
