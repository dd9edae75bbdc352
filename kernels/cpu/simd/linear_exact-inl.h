// SPDX-License-Identifier: Apache-2.0
// Integer weights as the numbers they stand for, times f32 rows: the float product with another stage.
// Textual; needs linear_float-inl.h and linear_unpack-inl.h.
//
// scale * (q - zero) has at most 11 + 8 significant bits where the scale is an f16, so f32 holds it exactly.

template <WeightType kIntegers>
struct ExactPolicy : F32Policy {
  static constexpr WeightType kType = kIntegers;

  /// Four inputs of kLanes outputs.
  static void stage_part(WordVec part, FloatVec scale, FloatVec zero, uint32_t* dst) {
    TRANSOM_UNROLL
    for (size_t byte = 0; byte < 4; ++byte) {
      const WordVec q = and_words(shift_right_words(part, static_cast<int>(8 * byte)), set_words(0xff));
      store_words(dst + byte * kSliceColumns, as_words(multiply(subtract(to_f32(q), zero), scale)));
    }
  }

  static void stage(const PackedWeight& w, size_t panel, size_t slice, size_t first, size_t end,
                    uint32_t* dst) {
    const uint32_t* src = static_cast<const uint32_t*>(w.data) + panel * (panel_bytes(kType, w.k) / 4) +
                          first / kBlockInputs * weight_bits(kType) * kPanelColumns + slice * kSliceColumns;
    for (size_t input = first; input < end; input += kBlockInputs) {
      const size_t group = group_of(w, input);
      for (size_t v = 0; v < 2; ++v) {
        const size_t at = scale_index(w, panel, group, slice * kSliceColumns + v * kLanes);
        const FloatVec scale = load_scales(w, at);
        const FloatVec zero = w.zero == nullptr ? set_f32(static_cast<float>(1 << (weight_bits(kType) - 1)))
                                                : to_f32(widen_bytes(w.zero + at));
        WordVec parts[kBlockParts];
        unpack_block<kType>(src + v * kLanes, parts);
        TRANSOM_UNROLL
        for (size_t t = 0; t < kBlockParts; ++t)
          stage_part(parts[t], scale, zero, dst + 4 * t * kSliceColumns + v * kLanes);
      }
      src += weight_bits(kType) * kPanelColumns;
      dst += kBlockInputs * kSliceColumns;
    }
  }
};
