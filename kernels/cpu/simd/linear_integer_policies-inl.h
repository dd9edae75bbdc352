// SPDX-License-Identifier: Apache-2.0
// Integer products without an instruction of their own. Textual; needs a vec header.

/// sum + the two products of 16-bit halves of each word.
inline WordVec add_products(WordVec sum, WordVec a, WordVec b) {
  return add_words(sum, multiply_pairs(a, b));
}

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
