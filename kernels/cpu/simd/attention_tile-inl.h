// SPDX-License-Identifier: Apache-2.0
// What attention of few and of many rows share: the work of an item, the runs of its keys, the softmax.
// Textual; needs a vec header and vec_math-inl.h.

constexpr size_t kTileVectors = kLanes == 16 ? 4 : 2;
constexpr size_t kRowTile = 6;  // sums: 24 of 32, 12 of 16 registers
constexpr size_t kTileWidth = kTileVectors * kLanes;
constexpr size_t kKeyTile = kAttentionKeyTile;
// Rows that take their keys directly. For more, keys turned once and shared are faster.
constexpr size_t kDirectRows = 8;
// Rows of scores are skewed: the same column of six neighbouring rows would else lie in one bank of the L1
// cache, which reads it once a cycle.
constexpr size_t kScoreStride = kKeyTile + 4;

struct AttentionWork {
  size_t rows, group, dim, padded_dim;
  size_t token_begin, kv_head;
  float *q, *sum, *score, *largest, *total, *tile;
};

/// Neighbouring slots [slot, slot + count) of one block that hold positions pos, pos + 2^level ... age: each
/// is seen at this age only, 0: as its level says.
struct KeyRun {
  int64_t pos;
  size_t slot, count, level;
  int64_t age = 0;
};

inline AttentionWork make_work(const AttentionArgs& args, size_t item) {
  AttentionWork w;
  w.group = args.n_heads / args.kv.n_kv_heads;
  w.dim = args.kv.head_dim;
  w.padded_dim = attention_padded_dim(w.dim);
  w.kv_head = item % args.kv.n_kv_heads;
  const size_t tile = attention_query_tile(args);
  w.token_begin = item / args.kv.n_kv_heads * tile;
  const size_t left = args.n_tokens - w.token_begin;
  w.rows = (left < tile ? left : tile) * w.group;
  w.tile = static_cast<float*>(args.scratch);
  w.q = w.tile + kKeyTile * w.padded_dim;
  w.sum = w.q + (w.rows + kRowTile - 1) / kRowTile * kRowTile * w.padded_dim;
  w.score = w.sum + w.rows * w.padded_dim;
  w.largest = w.score + w.rows * kScoreStride;
  w.total = w.largest + w.rows;
  return w;
}

/// from: args.q or args.q_sink.
inline const float* query_row(const AttentionArgs& args, const AttentionWork& w, const float* from,
                              size_t r) {
  return from + (w.token_begin + r / w.group) * args.q_stride + (w.kv_head * w.group + r % w.group) * w.dim;
}

/// The tile's queries, scaled, [rows][padded_dim].
inline void load_queries(const AttentionArgs& args, const AttentionWork& w, const float* from) {
  for (size_t r = 0; r < w.rows; ++r) {
    const float* q = query_row(args, w, from, r);
    float* to = w.q + r * w.padded_dim;
    for (size_t j = 0; j < w.padded_dim; ++j) to[j] = j < w.dim ? q[j] * args.scale : 0.0f;
  }
}

inline void start_rows(const AttentionWork& w) {
  for (size_t r = 0; r < w.rows; ++r) {
    for (size_t j = 0; j < w.padded_dim; ++j) w.sum[r * w.padded_dim + j] = 0;
    w.largest[r] = -INFINITY;
    w.total[r] = 0;
  }
}

/// The rows of a run; blocks: args.kv.keys or args.kv.values.
inline const char* run_rows(const AttentionArgs& args, const AttentionWork& w, void* const* blocks,
                            const KeyRun& run) {
  return kv_row(args.kv, blocks, w.kv_head, run.slot);
}

/// Elements j .. j + kLanes of a row as f32, zeros beyond dim; i8 without its scale.
template <KvType kType>
TRANSOM_INLINE FloatVec load_kv(const char* row, size_t j, size_t dim) {
  constexpr size_t kBytes = kType == KvType::f32 ? 4 : kType == KvType::bf16 ? 2 : 1;
  char part[kLanes * 4];
  const char* from = row + j * kBytes;
  if (j + kLanes > dim) {
    memset(part, 0, sizeof part);
    if (j < dim) memcpy(part, from, (dim - j) * kBytes);
    from = part;
  }
  if constexpr (kType == KvType::f32) return load_f32(reinterpret_cast<const float*>(from));
  if constexpr (kType == KvType::bf16) return widen_bf16(reinterpret_cast<const uint16_t*>(from));
  return widen_i8(reinterpret_cast<const int8_t*>(from));
}

/// Scales of `count` i8 rows.
inline void row_scales(const char* rows, size_t dim, size_t count, float* scale) {
  const size_t row_bytes = kv_row_bytes(KvType::i8, dim);
  for (size_t i = 0; i < count; ++i) scale[i] = kv_row_scale(rows + i * row_bytes, dim);
}

/// kLanes words of kLanes rows, turned to dst [word][row] (stride in words). Rows from `count` on and bytes
/// from `width` on are zero; those are not read.
inline void turn_rows(const char* rows, size_t row_bytes, size_t count, size_t width, uint32_t* dst,
                      size_t dst_stride) {
  alignas(64) uint32_t block[kLanes][kLanes];
  size_t stride = row_bytes / 4;
  if (count < kLanes || width < kLanes * 4 || row_bytes % 4 != 0) {
    memset(block, 0, sizeof block);
    if (width > kLanes * 4) width = kLanes * 4;
    for (size_t i = 0; i < kLanes && i < count; ++i) memcpy(block[i], rows + i * row_bytes, width);
    rows = reinterpret_cast<const char*>(block);
    stride = kLanes;
  }
  transpose_words(reinterpret_cast<const uint32_t*>(rows), stride, kLanes, dst, dst_stride);
}

/// Lines to fetch from memory while something is computed, a few per step.
struct Ahead {
  const char* next;
  size_t lines;
  void step(size_t count) {
    for (size_t i = 0; i < count && lines > 0; ++i, --lines, next += 64) _mm_prefetch(next, _MM_HINT_T0);
  }
};

inline Ahead fetch_run(const AttentionArgs& args, const AttentionWork& w, void* const* blocks,
                       const KeyRun& run) {
  if (run.count == 0) return {nullptr, 0};
  return {run_rows(args, w, blocks, run), run.count * kv_row_bytes(args.kv.type, w.dim) / 64};
}

/// Visible part [begin, end) of a run for the query of row r; empty if begin >= end.
struct Visible {
  int64_t begin, end;
};

inline Visible visible_part(const AttentionArgs& args, const AttentionWork& w, const KeyRun& run, size_t r) {
  const int64_t q_pos = args.first_pos + static_cast<int64_t>(w.token_begin + r / w.group);
  const int64_t count = static_cast<int64_t>(run.count);
  if (run.age > 0) {
    const int64_t at = q_pos - run.age - run.pos;
    return {at > 0 ? at : 0, at + 1 < count ? at + 1 : count};
  }
  if (run.level > 0) {
    const KeyRange seen = level_range(q_pos, q_pos, args.window, run.level);
    const int64_t begin = seen.first - (run.pos >> run.level), end = seen.end - (run.pos >> run.level);
    return {begin > 0 ? begin : 0, end < count ? end : count};
  }
  Visible part = {0, q_pos + 1 - run.pos < count ? q_pos + 1 - run.pos : count};
  const bool sinks = run.pos < static_cast<int64_t>(args.kv.n_sinks);
  if (args.window > 0 && !sinks && q_pos - args.window + 1 > run.pos)
    part.begin = q_pos - args.window + 1 - run.pos;
  return part;
}

/// Scores of row r to weights exp(score - maximum), zero outside the visible part; rescales what was summed
/// before.
inline void softmax_row(const AttentionArgs& args, const AttentionWork& w, size_t r, const Visible& part) {
  float* score = w.score + r * kScoreStride;
  if (part.begin >= part.end) {
    for (size_t i = 0; i < kKeyTile; i += kLanes) store_f32(score + i, zero_f32());
    return;
  }
  if (args.soft_cap > 0) {
    const FloatVec cap = set_f32(args.soft_cap), inverse = set_f32(1.0f / args.soft_cap);
    for (size_t i = 0; i < kKeyTile; i += kLanes) {
      store_f32(score + i, multiply(cap, tanh_f32(multiply(load_f32(score + i), inverse))));
    }
  }
  for (int64_t i = 0; i < part.begin; ++i) score[i] = -INFINITY;
  for (int64_t i = part.end; i < static_cast<int64_t>(kKeyTile); ++i) score[i] = -INFINITY;
  FloatVec largest_lanes = set_f32(w.largest[r]);
  for (size_t i = 0; i < kKeyTile; i += kLanes) largest_lanes = larger(largest_lanes, load_f32(score + i));
  const float largest = lane_max(largest_lanes);

  // Hidden keys weigh exp(-87) here, which is lost beside the largest weight, 1.
  FloatVec total = zero_f32();
  for (size_t i = 0; i < kKeyTile; i += kLanes) {
    const FloatVec weight = exp_f32(subtract(load_f32(score + i), set_f32(largest)));
    total = add_f32(total, weight);
    store_f32(score + i, weight);
  }
  for (int64_t i = 0; i < part.begin; ++i) score[i] = 0;
  for (int64_t i = part.end; i < static_cast<int64_t>(kKeyTile); ++i) score[i] = 0;
  if (largest > w.largest[r]) {
    const float factor = expf(w.largest[r] - largest);  // 0 for the first tile
    w.total[r] *= factor;
    float* sum = w.sum + r * w.padded_dim;
    for (size_t j = 0; j < w.padded_dim; j += kLanes)
      store_f32(sum + j, multiply(load_f32(sum + j), set_f32(factor)));
    w.largest[r] = largest;
  }
  w.total[r] += lane_sum(total);
}

/// The runs of an item's part: the levels, from the coarsest on, or the ages, from the oldest on, or the
/// sinks; then the window. A run ends with a key tile, a level, an age, the sinks, a ring, or the part. Key
/// tiles begin at multiples of their size, so that none crosses a block and all between the ends of a stretch
/// are full. Those of an age begin where it does, since they are few: only a block cuts them.
class KeyRuns {
 public:
  KeyRuns(const AttentionArgs& args, const AttentionWork& w)
      : kv_(args.kv),
        window_(args.window),
        first_query_(args.first_pos + static_cast<int64_t>(w.token_begin)),
        end_query_(first_query_ + static_cast<int64_t>(w.rows / w.group)) {
    for (size_t level = kv_.n_levels; level > 0; --level) level_keys_ += range(level).count();
    if (args.power_ages) {
      for (int64_t age = first_power_age(window_); age < end_query_; age *= 2) {
        level_keys_ += ages(age).count();
        oldest_age_ = age;
      }
    }
    const int64_t window_begin =
        window_ > 0 && first_query_ - window_ + 1 > 0 ? first_query_ - window_ + 1 : 0;
    const int64_t sinks = static_cast<int64_t>(kv_.n_sinks);
    skipped_ = sinks < window_begin ? window_begin - sinks : 0;
    const int64_t keys = level_keys_ + end_query_ - skipped_, parts = static_cast<int64_t>(args.n_parts);
    const int64_t tiles =
        (keys / parts + static_cast<int64_t>(kKeyTile) - 1) / static_cast<int64_t>(kKeyTile);
    const int64_t part = static_cast<int64_t>(args.part), size = tiles * static_cast<int64_t>(kKeyTile);
    at_ = part * size < keys ? tile_begin(part * size) : keys;
    end_ = part + 1 < parts && (part + 1) * size < keys ? tile_begin((part + 1) * size) : keys;
  }

  KeyRun next() {
    if (at_ >= end_) return {0, 0, 0, 0};
    KeyRun run = at_ >= level_keys_ ? ring_run() : oldest_age_ > 0 ? age_run() : level_run();
    const size_t tile_left = kKeyTile - run.slot % kKeyTile;
    const size_t block_left = kv_.block_slots - run.slot % kv_.block_slots;
    const size_t most = run.age == 0 ? tile_left : block_left < kKeyTile ? block_left : kKeyTile;
    if (run.count > most) run.count = most;
    at_ += static_cast<int64_t>(run.count);
    return run;
  }

 private:
  /// Where parts meet: the begin of the key tile that key `at` is in, so that a split moves no bit of a
  /// tile's arithmetic. Levels and ages are cut anywhere.
  int64_t tile_begin(int64_t at) const {
    const int64_t into_window = at - level_keys_ - static_cast<int64_t>(kv_.n_sinks);
    if (into_window <= 0) return at;
    const size_t slot = ring_slot(kv_, at - level_keys_ + skipped_);
    const size_t in_tile = slot % kKeyTile, in_ring = slot - kv_.n_sinks;
    const int64_t back = static_cast<int64_t>(in_tile < in_ring ? in_tile : in_ring);
    return at - (back < into_window ? back : into_window);
  }

  KeyRange range(size_t level) const { return level_range(first_query_, end_query_ - 1, window_, level); }
  KeyRange ages(int64_t age) const { return age_range(first_query_, end_query_ - 1, age); }

  KeyRun age_run() const {
    int64_t before = 0, age = oldest_age_;
    for (; at_ >= before + ages(age).count(); age /= 2) before += ages(age).count();
    const KeyRange here = ages(age);
    const int64_t pos = here.first + at_ - before;
    const int64_t left = here.end - pos < end_ - at_ ? here.end - pos : end_ - at_;
    return {pos, ring_slot(kv_, pos), static_cast<size_t>(left), 0, age};
  }

  KeyRun level_run() const {
    int64_t before = 0;
    size_t level = kv_.n_levels;
    while (at_ >= before + range(level).count()) before += range(level--).count();
    const KeyRange here = range(level);
    const int64_t index = here.first + at_ - before;
    const int64_t left = here.end - index < end_ - at_ ? here.end - index : end_ - at_;
    KeyRun run = {index << level, level_slot(kv_, level, index), static_cast<size_t>(left), level};
    const size_t slots = kv_.level_slots - static_cast<size_t>(index) % kv_.level_slots;
    if (run.count > slots) run.count = slots;
    return run;
  }

  KeyRun ring_run() const {
    const int64_t index = at_ - level_keys_, sinks = static_cast<int64_t>(kv_.n_sinks);
    const int64_t end = end_ - level_keys_;
    KeyRun run = {index < sinks ? index : index + skipped_, 0, 0, 0};
    run.slot = ring_slot(kv_, run.pos);
    const int64_t last = index < sinks && sinks < end ? sinks : end;
    const size_t slot_end = index < sinks ? kv_.n_sinks : ring_capacity(kv_);
    run.count = static_cast<size_t>(last - index);
    if (run.count > slot_end - run.slot) run.count = slot_end - run.slot;
    return run;
  }

  const KvView& kv_;
  int64_t window_, first_query_, end_query_;
  int64_t level_keys_ = 0;  // or those of the ages
  int64_t oldest_age_ = 0;
  int64_t skipped_ = 0;  // positions between the sinks, or the start, and the window
  int64_t at_ = 0, end_ = 0;
};

/// Where the results of row r go.
inline float* result_row(const AttentionArgs& args, const AttentionWork& w, size_t r) {
  return args.dst + (w.token_begin + r / w.group) * args.dst_stride +
         (w.kv_head * w.group + r % w.group) * w.dim;
}

/// What a part of an item leaves behind: for each row its sum [padded_dim], largest score and total.
inline float* partial_rows(const AttentionArgs& args, const AttentionWork& w, size_t part) {
  return args.partial + (w.kv_head * args.n_parts + part) * w.rows * (w.padded_dim + 2);
}
