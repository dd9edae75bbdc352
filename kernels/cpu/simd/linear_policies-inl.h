// SPDX-License-Identifier: Apache-2.0
// How weights of floats are multiplied. Textual; needs linear_rows-inl.h.
//
// A policy turns inputs into 32-bit words (what one broadcast feeds to 16 or 8 outputs) and a 32-bit word of
// weights into kSplit vectors of such words:
//
//   kInputs      inputs of one word
//   kSplit       input words of one weight word
//   convert      count <= 64 inputs, zeros after them, to 64 / kInputs words
//   split        one vector of weight words to kSplit vectors
//   stage        inputs [first, end) of one slice of a panel, split, to [words][kSliceColumns]
//   accumulate   sum + word * weights

/// stage() by split().
template <typename P>
void stage_split(const PackedWeight& w, size_t panel, size_t slice, size_t first, size_t end, uint32_t* dst) {
  constexpr size_t kWordInputs = P::kInputs * P::kSplit;
  const uint32_t* src = static_cast<const uint32_t*>(w.data) + panel * (panel_bytes(P::kType, w.k) / 4) +
                        first / kWordInputs * kPanelColumns + slice * kSliceColumns;
  for (size_t input = first; input < end; input += kWordInputs) {
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

struct F32Policy {
  static constexpr WeightType kType = WeightType::f32;
  static constexpr size_t kInputs = 1, kSplit = 1;

  static void convert(const float* src, size_t count, uint32_t* words) {
    memcpy(words, src, count * sizeof(float));
    for (size_t i = count; i < 64; ++i) words[i] = 0;
  }
  static void split(WordVec word, WordVec* parts) { parts[0] = word; }
  static void stage(const PackedWeight& w, size_t panel, size_t slice, size_t first, size_t end,
                    uint32_t* dst) {
    stage_split<F32Policy>(w, panel, slice, first, end, dst);
  }
  static FloatVec accumulate(FloatVec sum, WordVec word, WordVec weights) {
    return multiply_add(as_f32(word), as_f32(weights), sum);
  }
};

/// bf16 weights by f32 multiplication: a bf16 is the upper half of an f32.
struct Bf16Policy : F32Policy {
  static constexpr WeightType kType = WeightType::bf16;
  static constexpr size_t kSplit = 2;

  static void split(WordVec word, WordVec* parts) {
    parts[0] = shift_left_words(word, 16);
    parts[1] = and_words(word, set_words(0xffff0000u));
  }
  static void stage(const PackedWeight& w, size_t panel, size_t slice, size_t first, size_t end,
                    uint32_t* dst) {
    stage_split<Bf16Policy>(w, panel, slice, first, end, dst);
  }
};
