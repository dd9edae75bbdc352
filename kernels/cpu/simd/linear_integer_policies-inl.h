// SPDX-License-Identifier: Apache-2.0
// Integer products without an instruction of their own. Textual; needs a vec header.

/// sum + the two products of 16-bit halves of each word.
inline WordVec add_products(WordVec sum, WordVec a, WordVec b) {
  return add_words(sum, multiply_pairs(a, b));
}

/// u8 x s8 products, summed in 16 bits first: half the multiplications of PairPolicy. For weights of at most
/// 4 bits, of which a block of 32 inputs sums to at most 16 * 15 * 127 = 30480 in each half.
struct NarrowPolicy {
  static constexpr size_t kInputs = 4, kPartWords = 1;

  static void convert(const int8_t* q, uint32_t* words) { memcpy(words, q, 64); }
  static void split(WordVec part, WordVec* words) { words[0] = part; }
  static WordVec multiply_narrow(WordVec word, WordVec weights) { return multiply_bytes(weights, word); }
  static WordVec add_narrow(WordVec a, WordVec b) { return add_halves(a, b); }
  /// The two halves of each word together, as i32.
  static WordVec widen(WordVec narrow) { return multiply_pairs(narrow, set_words(0x00010001u)); }
};

/// Exact 16-bit products. A prepared word is two integers, in the order (0, 2) (1, 3): then the weights need
/// a shift and masks and no shuffle.
struct PairPolicy {
  static constexpr size_t kInputs = 2, kPartWords = 2;

  static void convert(const int8_t* q, uint32_t* words) {
    for (size_t i = 0; i < 64; i += 4) {
      words[i / 2] = pair(q[i], q[i + 2]);
      words[i / 2 + 1] = pair(q[i + 1], q[i + 3]);
    }
  }
  static uint32_t pair(int8_t low, int8_t high) {
    return static_cast<uint16_t>(low) | static_cast<uint32_t>(static_cast<uint16_t>(high)) << 16;
  }
  static void split(WordVec part, WordVec* words) {
    const WordVec low_bytes = set_words(0x00ff00ffu);
    words[0] = and_words(part, low_bytes);
    words[1] = and_words(shift_right_words(part, 8), low_bytes);
  }
  static WordVec accumulate(WordVec sum, WordVec word, WordVec weights) {
    return add_products(sum, word, weights);
  }
};
