// SPDX-License-Identifier: Apache-2.0
// Integers of any width to words of four unsigned bytes, as panel_layout.h lays them out; scales and zero
// points. Textual; needs a vec header.

constexpr size_t kBlockParts = kBlockInputs / 4;

/// A block of 32 inputs of kLanes outputs: part t holds inputs 4 t .. 4 t + 3. block: at these outputs.
template <WeightType kType>
inline void unpack_block(const uint32_t* block, WordVec* parts) {
  if constexpr (kType == WeightType::i8) {
    const WordVec sign = set_words(0x80808080u);
    TRANSOM_UNROLL
    for (size_t t = 0; t < kBlockParts; ++t)
      parts[t] = xor_words(load_words(block + t * kPanelColumns), sign);
  } else if constexpr (kType == WeightType::i4) {
    const WordVec mask = set_words(0x0f0f0f0fu);
    TRANSOM_UNROLL
    for (size_t t = 0; t < kBlockParts; t += 2) {
      const WordVec words = load_words(block + t / 2 * kPanelColumns);
      parts[t] = and_words(words, mask);
      parts[t + 1] = and_words(shift_right_words(words, 4), mask);
    }
  } else {
    const WordVec mask = set_words(0x03030303u), high_mask = set_words(0x04040404u);
    const WordVec high = kType == WeightType::i3 ? load_words(block + 2 * kPanelColumns) : zero_words();
    TRANSOM_UNROLL
    for (size_t t = 0; t < kBlockParts; ++t) {
      const WordVec words = load_words(block + t / 4 * kPanelColumns);
      parts[t] = and_words(shift_right_words(words, static_cast<int>(t % 4 * 2)), mask);
      if constexpr (kType == WeightType::i3) {
        const WordVec bit = t < 2 ? shift_left_words(high, static_cast<int>(2 - t))
                                  : shift_right_words(high, static_cast<int>(t - 2));
        parts[t] = or_words(parts[t], and_words(bit, high_mask));
      }
    }
  }
}

/// Scales of kLanes outputs; at: index of the first.
inline FloatVec load_scales(const PackedWeight& w, size_t at) {
  switch (w.scale_type) {
    case ScaleType::f16:
      return widen_f16(static_cast<const uint16_t*>(w.scale) + at);
    case ScaleType::bf16:
      return widen_bf16(static_cast<const uint16_t*>(w.scale) + at);
    default:
      return load_f32(static_cast<const float*>(w.scale) + at);
  }
}

/// Index of a scale or zero point.
inline size_t scale_index(const PackedWeight& w, size_t panel, size_t group, size_t column) {
  return (panel * w.groups + group) * kPanelColumns + column;
}

/// The group of an input of the padded row.
inline size_t group_of(const PackedWeight& w, size_t input) {
  const size_t group = input / w.group;
  return group < w.groups ? group : w.groups - 1;
}

/// Where a group ends in the padded row: the last takes the padding.
inline size_t group_end(const PackedWeight& w, size_t group) {
  return group + 1 == w.groups ? padded_k(w.type, w.k) : (group + 1) * w.group;
}
