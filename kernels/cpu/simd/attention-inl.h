// SPDX-License-Identifier: Apache-2.0
// Windowed grouped-query attention with online softmax; contract in attention_args.h. Textual; needs
// attention_rows-inl.h and attention_gemm-inl.h. Everything is f32 but the cache, and what the products of
// the instruction set round.
//
// An item is a tile of queries and one KV head. Its rows are (query, head of the group), so that every key
// that is loaded serves the whole group. Keys come in tiles of at most 64 neighbouring slots: the visible
// positions of the tile's queries are the sinks and one range of positions, each cut at multiples of 64 slots
// and where the ring ends. Per key tile:
//
//   keys transposed [head_dim][64]            one broadcast of a query then multiplies a vector of keys
//   scores [rows][64]                         register tiles of kRowTile rows x kTileVectors vectors
//   softmax of each row over its own visible part of the tile; running maximum and sum
//   values [keys][head_dim]
//   sums [rows][head_dim] += scores * values  register tiles again
//
// Staging keys and values costs a few percent of a prefill and pays at a group of 1 already.

/// Whether products may round their inputs to bf16.
inline bool takes_bf16(const AttentionArgs& args) {
  return args.kv.type == KvType::bf16 && args.n_tokens >= kFewTokens;
}

/// One key tile for all rows. next: a run that is fetched meanwhile; count 0: none. FewRows: how a tile
/// of at most kDirectRows rows is attended to.
template <typename FewRows>
inline void attend_run(const AttentionArgs& args, const AttentionWork& w, const KeyRun& run,
                       const KeyRun& next) {
  if (w.rows <= kDirectRows) return FewRows::attend_run(args, w, run, next);
  if (takes_bf16(args)) return attend_tile<Bf16Products>(args, w, run, next);
  attend_tile<FloatProducts>(args, w, run, next);
}

template <typename FewRows>
inline void finish_rows(const AttentionArgs& args, const AttentionWork& w) {
  if (w.rows <= kDirectRows) FewRows::arrange_sums(args, w);
  if (args.n_parts > 1) {
    float* to = partial_rows(args, w, args.part);
    for (size_t r = 0; r < w.rows; ++r, to += w.padded_dim + 2) {
      memcpy(to, w.sum + r * w.padded_dim, w.padded_dim * sizeof(float));
      to[w.padded_dim] = w.largest[r];
      to[w.padded_dim + 1] = w.total[r];
    }
    return;
  }
  for (size_t r = 0; r < w.rows; ++r) {
    float* dst = result_row(args, w, r);
    const FloatVec factor = set_f32(1.0f / w.total[r]);
    for_vectors(w.dim, [&](size_t j, auto lanes) {
      lanes.store(dst + j, multiply(load_f32(w.sum + r * w.padded_dim + j), factor));
    });
  }
}

/// from: args.q or args.q_sink.
template <typename FewRows>
inline void take_queries(const AttentionArgs& args, const AttentionWork& w, const float* from) {
  if (w.rows <= kDirectRows) {
    load_queries(args, w, from);
    FewRows::arrange_queries(args, w);
  } else if (takes_bf16(args)) {
    pack_queries<Bf16Products>(args, w, from);
  } else {
    pack_queries<FloatProducts>(args, w, from);
  }
}

/// The first run of the next part of the same item, which the same thread is likely to take: count 0 if there
/// is none.
inline KeyRun first_of_next_part(const AttentionArgs& args, int64_t first_query, int64_t end_query) {
  if (args.part + 1 >= args.n_parts) return {0, 0, 0, 0};
  AttentionArgs next = args;
  ++next.part;
  return KeyRuns(next, first_query, end_query).next();
}

template <typename FewRows = DirectRows>
inline void attend_items(const AttentionArgs& given) {
  AttentionArgs args = given;  // scores in powers of two
  args.scale *= kLog2E;
  args.soft_cap *= kLog2E;
  for (size_t item = args.item_begin; item < args.item_end; ++item) {
    const AttentionWork w = make_work(args, item);
    start_rows(w);
    // The sinks come first; their scores take queries of their own.
    const int64_t sinks = args.q_sink == nullptr ? 0 : static_cast<int64_t>(args.kv.n_sinks);
    const int64_t first_query = query_position(args, w, 0);
    const int64_t end_query = first_query + static_cast<int64_t>(w.rows / w.group);
    const KeyRun behind = first_of_next_part(args, first_query, end_query);
    KeyRuns runs(args, first_query, end_query);
    KeyRun run = runs.next();
    bool at_sinks = run.pos < sinks;
    if (w.rows <= kDirectRows) FewRows::fetch_first(args, w, run);
    take_queries<FewRows>(args, w, at_sinks ? args.q_sink : args.q);
    while (run.count > 0) {
      if (at_sinks && run.pos >= sinks) {
        at_sinks = false;
        take_queries<FewRows>(args, w, args.q);
      }
      const KeyRun next = runs.next();
      attend_run<FewRows>(args, w, run, next.count > 0 ? next : behind);
      run = next;
    }
    finish_rows<FewRows>(args, w);
  }
}

/// One row of all parts: their sums of values, each in the scale of the largest score.
inline void merge_row(const AttentionArgs& args, const AttentionWork& w, size_t r) {
  const size_t stride = w.padded_dim + 2;
  float largest = -INFINITY, total = 0, factor[kMostParts];
  for (size_t part = 0; part < args.n_parts; ++part) {
    const float here = partial_rows(args, w, part)[r * stride + w.padded_dim];
    largest = here > largest ? here : largest;
  }
  for (size_t part = 0; part < args.n_parts; ++part) {
    const float* state = partial_rows(args, w, part) + r * stride + w.padded_dim;
    factor[part] = state[1] > 0 ? exp2f(state[0] - largest) : 0.0f;  // a part without visible keys
    if (state[1] != state[1]) factor[part] = state[1];
    total += factor[part] * state[1];
  }
  float* dst = result_row(args, w, r);
  for_vectors(w.dim, [&](size_t j, auto lanes) {
    FloatVec sum = zero_f32();
    for (size_t part = 0; part < args.n_parts; ++part) {
      const float* from = partial_rows(args, w, part) + r * stride + j;
      sum = multiply_add(set_f32(factor[part]), load_f32(from), sum);
    }
    lanes.store(dst + j, multiply(sum, set_f32(1.0f / total)));
  });
}

inline void merge_parts(const AttentionArgs& args) {
  const size_t items = attention_items(args);
  for (size_t item = 0; item < items; ++item) {
    const AttentionWork w = make_work(args, item);
    for (size_t r = 0; r < w.rows; ++r) merge_row(args, w, r);
  }
}
