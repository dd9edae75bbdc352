// SPDX-License-Identifier: Apache-2.0
// How each weight type is multiplied. Textual; needs a vec header and linear_quantize-inl.h.
//
// A policy turns inputs into 32-bit words (what one broadcast feeds to 16 or 8 outputs) and a 32-bit group of
// weights into kSplit vectors of such words:
//
//   kInputs      inputs of one word
//   kSplit       words of one weight group; kInputs * kSplit = group_size(kType)
//   Sum          vector of sums (f32 or i32)
//   convert      count <= 64 inputs, zeros after them, to 64 / kInputs words
//   split        one vector of weight groups to kSplit vectors
//   accumulate   sum + word * weights

struct F32Policy {
  static constexpr WeightType kType = WeightType::f32;
  static constexpr size_t kInputs = 1, kSplit = 1;
  static constexpr bool kIntegers = false, kBiased = false;
  using Sum = FloatVec;

  static void convert(const float* src, size_t count, float /*factor*/, uint32_t* words) {
    memcpy(words, src, count * sizeof(float));
    for (size_t i = count; i < 64; ++i) words[i] = 0;
  }
  static void split(WordVec group, WordVec* parts) { parts[0] = group; }
  static Sum accumulate(Sum sum, WordVec word, WordVec weights) {
    return multiply_add(as_f32(word), as_f32(weights), sum);
  }
  static Sum zero() { return zero_f32(); }
  static WordVec to_words(Sum sum) { return as_words(sum); }
  static Sum from_words(WordVec words) { return as_f32(words); }
};

/// bf16 weights by f32 multiplication: a bf16 is the upper half of an f32.
struct Bf16Policy : F32Policy {
  static constexpr WeightType kType = WeightType::bf16;
  static constexpr size_t kSplit = 2;

  static void split(WordVec group, WordVec* parts) {
    parts[0] = shift_left_words(group, 16);
    parts[1] = and_words(group, set_words(0xffff0000u));
  }
};

/// i8 by exact 16-bit products. A word is two integers, in the order (0, 2) (1, 3): then the weights need two
/// shifts and no shuffle.
struct I8PairPolicy {
  static constexpr WeightType kType = WeightType::i8;
  static constexpr size_t kInputs = 2, kSplit = 2;
  static constexpr bool kIntegers = true, kBiased = false;
  using Sum = WordVec;

  static void convert(const float* src, size_t count, float factor, uint32_t* words) {
    int8_t q[64];
    quantize_piece(src, count, factor, q);
    for (size_t i = 0; i < 64; i += 4) {
      words[i / 2] = pair(q[i], q[i + 2]);
      words[i / 2 + 1] = pair(q[i + 1], q[i + 3]);
    }
  }
  static uint32_t pair(int8_t low, int8_t high) {
    return static_cast<uint16_t>(low) | static_cast<uint32_t>(static_cast<uint16_t>(high)) << 16;
  }
  static void split(WordVec group, WordVec* parts) {
    parts[0] = even_bytes_i16(group);
    parts[1] = odd_bytes_i16(group);
  }
  static Sum accumulate(Sum sum, WordVec word, WordVec weights) {
    return add_words(sum, multiply_pairs(word, weights));
  }
  static Sum zero() { return zero_words(); }
  static WordVec to_words(Sum sum) { return sum; }
  static Sum from_words(WordVec words) { return words; }
};
