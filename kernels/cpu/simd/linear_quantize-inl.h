// SPDX-License-Identifier: Apache-2.0
// Row quantisation, shared by the integer products, attention and the quantize_rows op. Textual; needs a vec
// header.

struct RowScale {
  float factor;  // of the integers: limit / max, or 0
  float scale;   // of the result: max / limit, 0 for a row of zeros, NaN for a row that is not finite
};

/// The bits of the largest magnitude in each lane, compared as integers: the order of positive floats, with
/// infinities and NaNs above all others. k: a multiple of kLanes.
inline WordVec lane_largest_bits(const float* src, size_t k) {
  WordVec largest = zero_words();
  for (size_t i = 0; i < k; i += kLanes)
    largest = max_words(largest, and_words(load_words(src + i), set_words(0x7fffffffu)));
  return largest;
}

/// The same of all k.
inline uint32_t largest_bits(const float* src, size_t k) {
  size_t i = k / kLanes * kLanes;
  uint32_t bits = lane_max_words(lane_largest_bits(src, i));
  for (; i < k; ++i) {
    const uint32_t tail = f32_to_bits(src[i]) & 0x7fffffffu;
    bits = tail > bits ? tail : bits;
  }
  return bits;
}

/// Of a row by its largest_bits. limit: the largest integer.
inline RowScale scale_of_bits(uint32_t bits, float limit = 127.0f) {
  if (bits >= 0x7f800000u) return {0.0f, bits_to_f32(0x7fc00000u)};
  const float largest = bits_to_f32(bits);
  if (largest < kSmallestRowMaximum) return {0.0f, 0.0f};
  return {limit / largest, largest / limit};
}

inline RowScale row_scale(const float* src, size_t k, float limit = 127.0f) {
  return scale_of_bits(largest_bits(src, k), limit);
}

/// Integers of count <= kWidth inputs, zeros up to kWidth. A factor of 0 gives zeros, also from a NaN.
/// @return Their sums by lanes.
template <size_t kWidth>
WordVec quantize_piece(const float* src, size_t count, float factor, int8_t* dst) {
  float piece[kWidth];
  if (count < kWidth || factor == 0.0f) {
    for (size_t i = 0; i < kWidth; ++i) piece[i] = 0;
    if (factor != 0.0f) memcpy(piece, src, count * sizeof(float));
    src = piece;
  }
  WordVec sum = zero_words();
  TRANSOM_UNROLL
  for (size_t i = 0; i < kWidth; i += kLanes) {
    const WordVec q = to_nearest(multiply(load_f32(src + i), set_f32(factor)));
    sum = add_words(sum, q);
    store_low_bytes(dst + i, q);
  }
  return sum;
}

inline int32_t lane_sum_words(WordVec v) {
  int32_t lanes[kLanes], sum = 0;
  store_words(lanes, v);
  for (const int32_t lane : lanes) sum += lane;
  return sum;
}

inline void quantize_range(const QuantizeRowsArgs& args) {
  for (size_t row = args.row_begin; row < args.row_end; ++row) {
    const float* src = args.src + row * args.src_stride;
    const RowScale scale = row_scale(src, args.k);
    args.scale[row] = scale.scale;
    for (size_t i = 0; i < args.k; i += 64) {
      const size_t count = args.k - i < 64 ? args.k - i : 64;
      int8_t q[64];
      quantize_piece<64>(src + i, count, scale.factor, q);
      memcpy(args.dst + row * args.dst_stride + i, q, count);
    }
  }
}
