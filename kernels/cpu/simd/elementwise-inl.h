// SPDX-License-Identifier: Apache-2.0
// The ops that touch each number once: rms_norm, rope, kv_append, gated_mul, add, embed. Contracts in
// kernels/common. Textual; needs a vec header and vec_math-inl.h. f32 throughout.

/// body(i, load, store) for whole vectors, then for the rest: load(p) and store(p, v) know how many lanes
/// count.
struct WholeVector {
  FloatVec load(const float* p) const { return load_f32(p); }
  void store(float* p, FloatVec v) const { store_f32(p, v); }
};
struct PartVector {
  size_t count;
  FloatVec load(const float* p) const { return load_f32_part(p, count); }
  void store(float* p, FloatVec v) const { store_f32_part(p, v, count); }
};

template <typename Body>
inline void for_vectors(size_t n, Body body) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) body(i, WholeVector{});
  if (i < n) body(i, PartVector{n - i});
}

inline float sum_of_squares(const float* src, size_t n) {
  // Four sums: one would wait for the latency of each addition.
  FloatVec sum[4] = {zero_f32(), zero_f32(), zero_f32(), zero_f32()};
  size_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    TRANSOM_UNROLL
    for (size_t v = 0; v < 4; ++v) {
      const FloatVec x = load_f32(src + i + v * kLanes);
      sum[v] = multiply_add(x, x, sum[v]);
    }
  }
  for_vectors(n - i, [&](size_t at, auto lanes) {
    const FloatVec x = lanes.load(src + i + at);
    sum[0] = multiply_add(x, x, sum[0]);
  });
  return lane_sum(add_f32(add_f32(sum[0], sum[1]), add_f32(sum[2], sum[3])));
}

inline void rms_norm_rows(const RmsNormArgs& args) {
  const FloatVec offset = set_f32(args.weight_offset);
  for (size_t token = 0; token < args.n_tokens; ++token) {
    const float* src = args.src + token * args.src_stride;
    float* dst = args.dst + token * args.dst_stride;
    const float mean = sum_of_squares(src, args.hidden) / static_cast<float>(args.hidden);
    const FloatVec factor = set_f32(1.0f / sqrtf(mean + args.epsilon));
    for_vectors(args.hidden, [&](size_t i, auto lanes) {
      const FloatVec weight = add_f32(lanes.load(args.weight + i), offset);
      lanes.store(dst + i, multiply(multiply(lanes.load(src + i), factor), weight));
    });
  }
}

inline void rope_rows(const RopeArgs& args) {
  const size_t half = args.rotary_dim / 2;
  for (size_t token = 0; token < args.n_tokens; ++token) {
    const float* cos = args.cos + token * half;
    const float* sin = args.sin + token * half;
    for (size_t head = 0; head < args.n_heads; ++head) {
      float* x = args.x + token * args.row_stride + head * args.head_dim;
      for_vectors(half, [&](size_t j, auto lanes) {
        const FloatVec low = lanes.load(x + j), high = lanes.load(x + j + half);
        const FloatVec c = lanes.load(cos + j), s = lanes.load(sin + j);
        lanes.store(x + j, negated_multiply_add(high, s, multiply(low, c)));
        lanes.store(x + j + half, multiply_add(low, s, multiply(high, c)));
      });
    }
  }
}

inline void gated_mul_rows(const GatedMulArgs& args) {
  for (size_t token = 0; token < args.n_tokens; ++token) {
    const float* gate = args.src + token * args.src_stride;
    float* dst = args.dst + token * args.dst_stride;
    for_vectors(args.n, [&](size_t i, auto lanes) {
      const FloatVec x = lanes.load(gate + i);
      const FloatVec below = add_f32(set_f32(1.0f), exp_f32(subtract(zero_f32(), x)));
      lanes.store(dst + i, multiply(divide(x, below), lanes.load(gate + args.n + i)));
    });
  }
}

inline void add_rows(const AddArgs& args) {
  for (size_t token = 0; token < args.n_tokens; ++token) {
    const float* src = args.src + token * args.src_stride;
    float* dst = args.dst + token * args.dst_stride;
    for_vectors(args.n, [&](size_t i, auto lanes) {
      lanes.store(dst + i, add_f32(lanes.load(dst + i), lanes.load(src + i)));
    });
  }
}

template <FloatVec (*widen)(const uint16_t*)>
inline void embed_half_row(const uint16_t* src, float* dst, size_t n, float scale) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store_f32(dst + i, multiply(widen(src + i), set_f32(scale)));
  if (i == n) return;
  uint16_t rest[kLanes] = {};
  memcpy(rest, src + i, (n - i) * sizeof(uint16_t));
  store_f32_part(dst + i, multiply(widen(rest), set_f32(scale)), n - i);
}

inline void embed_rows(const EmbedArgs& args) {
  for (size_t token = 0; token < args.n_tokens; ++token) {
    const size_t row = static_cast<size_t>(args.ids[token]) * args.hidden;
    float* dst = args.dst + token * args.dst_stride;
    if (args.type == TableType::f32) {
      const float* src = static_cast<const float*>(args.table) + row;
      for_vectors(args.hidden, [&](size_t i, auto lanes) {
        lanes.store(dst + i, multiply(lanes.load(src + i), set_f32(args.scale)));
      });
    } else if (args.type == TableType::bf16) {
      embed_half_row<widen_bf16>(static_cast<const uint16_t*>(args.table) + row, dst, args.hidden,
                                 args.scale);
    } else {
      embed_half_row<widen_f16>(static_cast<const uint16_t*>(args.table) + row, dst, args.hidden, args.scale);
    }
  }
}

inline void narrow_row(const float* src, uint16_t* dst, size_t n) {
  for_vectors(n, [&](size_t i, auto lanes) {
    uint16_t rounded[kLanes];
    store_low_halves(rounded, round_bf16(lanes.load(src + i)));
    memcpy(dst + i, rounded, (n - i < kLanes ? n - i : kLanes) * sizeof(uint16_t));
  });
}

/// int8 and the scale behind it.
inline void quantize_row(const float* src, char* row, size_t n) {
  const RowScale scale = row_scale(src, n);
  for (size_t i = 0; i < n; i += 64) {
    const size_t count = n - i < 64 ? n - i : 64;
    int8_t q[64];
    quantize_piece<64>(src + i, count, scale.factor, q);
    memcpy(row + i, q, count);
  }
  memcpy(row + n, &scale.scale, sizeof scale.scale);
}

/// e4m3 and the scale behind it, as e4m3.h says. Normal numbers are rounded as bits; smaller ones count in
/// units of 2^-9, the last place of an f32 of 2^14. A code is the sum of both, of a number cut at 2^-6, less
/// the 8 units of the cut.
inline void round_row_e4m3(const float* src, char* row, size_t n) {
  const uint32_t largest = largest_bits(src, n);
  RowScale scale = scale_of_bits(largest);
  if (scale.factor != 0.0f) {
    const E4m3RowScale powers = e4m3_row_scale(largest);
    scale = {bits_to_f32(powers.factor), bits_to_f32(powers.scale)};
  }
  const FloatVec border = set_f32(0x1p-6f), units = set_f32(0x1p14f);
  for (size_t i = 0; i < n; i += kLanes) {
    const size_t count = n - i < kLanes ? n - i : kLanes;
    float piece[kLanes] = {};
    if (scale.factor != 0.0f) memcpy(piece, src + i, count * sizeof(float));
    const WordVec bits = as_words(multiply(load_f32(piece), set_f32(scale.factor)));
    const FloatVec magnitude = as_f32(and_words(bits, set_words(0x7fffffffu)));
    const WordVec small =
        subtract_words(as_words(add_f32(smaller(magnitude, border), units)), as_words(units));
    const WordVec large = as_words(larger(magnitude, border));
    const WordVec tie = and_words(shift_right_words(large, 20), set_words(1));
    const WordVec rounded = shift_right_words(add_words(large, add_words(tie, set_words(0x7ffff))), 20);
    const WordVec code = add_words(small, subtract_words(rounded, set_words((120u << 3) + 8)));
    int8_t codes[kLanes];
    store_low_bytes(codes, or_words(code, and_words(shift_right_signed(bits, 31), set_words(0xffffff80u))));
    memcpy(row + i, codes, count);
  }
  memcpy(row + n, &scale.scale, sizeof scale.scale);
}

inline void append_row(KvType type, const float* src, char* row, size_t n) {
  if (type == KvType::f32) {
    memcpy(row, src, n * sizeof(float));
  } else if (type == KvType::bf16) {
    narrow_row(src, reinterpret_cast<uint16_t*>(row), n);
  } else if (type == KvType::i8) {
    quantize_row(src, row, n);
  } else {
    round_row_e4m3(src, row, n);
  }
}

inline void kv_append_rows(const KvAppendArgs& args) {
  const KvView& kv = args.kv;
  const size_t row_bytes = kv_row_bytes(kv.type, kv.head_dim);
  for (size_t token = 0; token < args.n_tokens; ++token) {
    const int64_t pos = args.first_pos + static_cast<int64_t>(token);
    const size_t slot = ring_slot(kv, pos);
    for (size_t head = 0; head < kv.n_kv_heads; ++head) {
      const size_t from = token * args.row_stride + head * kv.head_dim;
      char *const key = kv_row(kv, kv.keys, head, slot), *const value = kv_row(kv, kv.values, head, slot);
      append_row(kv.type, args.k + from, key, kv.head_dim);
      append_row(kv.type, args.v + from, value, kv.head_dim);
      for (size_t level = 1; level <= kv.n_levels && pos % (int64_t{1} << level) == 0; ++level) {
        const size_t again = level_slot(kv, level, pos >> level);
        memcpy(kv_row(kv, kv.keys, head, again), key, row_bytes);
        memcpy(kv_row(kv, kv.values, head, again), value, row_bytes);
      }
    }
  }
}
