// SPDX-License-Identifier: Apache-2.0
// Integers of any width to words of four unsigned bytes, as panel_layout.h lays them out; scales and zero
// points. Textual; needs a vec header.

constexpr size_t kBlockParts = kBlockInputs / 4;

/// Parts of a block that lie whole in one word, several to a word, kPartBits apart. The rest of i3 does not.
template <WeightType kType>
constexpr size_t kPartsPerWord = kType == WeightType::i8   ? 1
                                 : kType == WeightType::i2 ? 4
                                                           : 2;
template <WeightType kType>
constexpr int kPartBits = static_cast<int>(weight_bits(kType));

/// Part `field` of a word, times 2^(field * kPartBits): a mask leaves it in its place.
template <WeightType kType>
inline WordVec part_in_place(WordVec word, size_t field) {
  if constexpr (kType == WeightType::i8) return xor_words(word, set_words(0x80808080u));
  constexpr uint32_t kMask = ((1u << kPartBits<kType>)-1) * 0x01010101u;
  return and_words(word, set_words(kMask << (field * kPartBits<kType>)));
}

/// Part 6 or 7 of a block of i3, from the word that has its low bits and the last word.
inline WordVec last_part_i3(WordVec low, WordVec last, size_t part) {
  const WordVec high = shift_right_words(last, static_cast<int>(part) - 2);
  return or_words(and_words(shift_right_words(low, 6), set_words(0x03030303u)),
                  and_words(high, set_words(0x04040404u)));
}

/// A block of 32 inputs of kLanes outputs: part t holds inputs 4 t .. 4 t + 3. block: at these outputs.
template <WeightType kType>
inline void unpack_block(const uint32_t* block, WordVec* parts) {
  constexpr size_t kFields = kPartsPerWord<kType>;
  WordVec words[weight_bits(kType)];
  for (size_t w = 0; w < weight_bits(kType); ++w) {
    words[w] = load_words(block + w * kPanelColumns);
    for (size_t field = 0; field < kFields; ++field) {
      const WordVec part = part_in_place<kType>(words[w], field);
      parts[w * kFields + field] = shift_right_words(part, static_cast<int>(field) * kPartBits<kType>);
    }
  }
  if constexpr (kType == WeightType::i3) {
    parts[6] = last_part_i3(words[0], words[2], 6);
    parts[7] = last_part_i3(words[1], words[2], 7);
  }
}

/// Scales of kLanes outputs; at: index of the first.
TRANSOM_INLINE FloatVec load_scales(const PackedWeight& w, size_t at) {
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
TRANSOM_INLINE size_t group_end(const PackedWeight& w, size_t group) {
  return group + 1 == w.groups ? padded_k(w.type, w.k) : (group + 1) * w.group;
}
