// SPDX-License-Identifier: Apache-2.0
/// One text in progress: KV cache, workspace and position.
///
/// Everything is sized when the sequence is made; forward() allocates nothing. One thread at a time; any
/// number of sequences of one transformer on any threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "backend/backend.h"
#include "model/cache/kv_cache.h"
#include "model/layers/token_run.h"
#include "model/sequence_options.h"
#include "model/transformer.h"

namespace transom::model {

using backend::TokenChoice;

class Sequence {
 public:
  /// The transformer must outlive the sequence.
  Sequence(const Transformer& transformer, const SequenceOptions& options);
  ~Sequence();

  /// A copy that shares the blocks of the cache that neither writes to, with a workspace of its own: it may
  /// go to another thread.
  std::unique_ptr<Sequence> fork() const;
  /// An empty sequence of the same geometry, which works in the same workspace: the two must not run at the
  /// same time.
  std::unique_ptr<Sequence> sibling() const;
  /// Becomes a copy of a sibling, of which everything before `from` is known to be equal already. A whole
  /// copy shares blocks; of the rest of a text rows are copied.
  void copy_from(const Sequence& other, std::int64_t from);

  /// An empty sequence stands where a text stood that once reached `furthest` and of which this is the cache,
  /// cut back to `position`. The cache has the same geometry.
  void adopt(const KvCache& cache, std::int64_t position, std::int64_t furthest);

  /// Appends ids and writes f32 logits: of the last token [vocab], or with `all` of each [ids.size(), vocab].
  /// The prompt goes through in chunks. An empty `logits` asks for none.
  /// @throws InvalidArgument, before anything changes, for ids outside the vocabulary or beyond the context.
  void forward(std::span<const std::int32_t> ids, bool all, std::span<float> logits);

  /// Appends at most chunk() ids and writes what the model makes of each before the head scores it: f32
  /// states [ids.size(), hidden], normed. @throws as forward().
  void states(std::span<const std::int32_t> ids, std::span<float> states);

  /// Appends one id to each of several siblings in one step, so that the weights are read once, and writes
  /// f32 logits [sequences, vocab]. @throws as forward().
  static void step(std::span<Sequence* const> sequences, std::span<const std::int32_t> ids,
                   std::span<float> logits);

  /// Whether the device chooses tokens itself: a step then brings an id of each text instead of its logits.
  bool chooses_tokens() const;
  /// As forward(), but for the token that comes next, or -1 where none is possible. @throws as forward().
  std::int32_t forward_and_choose(std::span<const std::int32_t> ids, const TokenChoice& choice);
  /// As step(), with a token for each. @throws as forward().
  static void step_and_choose(std::span<Sequence* const> sequences, std::span<const std::int32_t> ids,
                              std::span<const TokenChoice> choices, std::span<std::int32_t> chosen);

  /// Checks ids that would stand from `position` on. @throws InvalidArgument for one outside the vocabulary,
  /// and for a text beyond the context.
  void check_ids(std::span<const std::int32_t> ids, std::int64_t position) const;

  const Transformer& transformer() const { return transformer_; }
  std::int64_t position() const { return position_; }
  std::int64_t context() const { return size_.context; }
  std::int64_t chunk() const { return size_.chunk; }
  std::int64_t vocab() const { return transformer_.spec().vocab; }
  std::int64_t hidden() const { return transformer_.spec().hidden; }
  std::int64_t kv_bytes() const { return cache_.bytes(); }
  std::int64_t workspace_bytes() const;

  const KvCache& cache() const { return cache_; }

  /// For session files: the furthest position since the text was empty.
  std::int64_t furthest() const { return furthest_; }
  /// Stands where another sequence stood, whose slots are then written into the cache of this new one. (For
  /// benchmarks: whatever they hold.)
  void resume(std::int64_t position, std::int64_t furthest);

  /// Whether truncate() to this position is possible.
  bool can_truncate(std::int64_t position) const;
  /// Cuts the text back. @throws InvalidArgument when overwritten slots would be needed.
  void truncate(std::int64_t position);

 private:
  struct Workspace;

  Sequence(const Sequence& other, std::shared_ptr<Workspace> workspace, KvCache cache);
  std::shared_ptr<Workspace> make_workspace() const;
  /// The final norm of at most score_rows rows.
  static core::TensorView norm_rows(const Transformer& transformer, Workspace& workspace, std::int64_t row,
                                    std::int64_t rows);
  /// What a step gives for the rows that it scores: all logits, or a token each. Both empty: nothing is
  /// scored.
  struct Results {
    std::span<float> logits;
    std::span<const TokenChoice> choices;
    std::span<std::int32_t> chosen;
  };
  static void score(const Transformer& transformer, Workspace& workspace, std::int64_t row, std::int64_t end,
                    Results results);
  /// All layers over the rows of `runs`, device by device. `after` runs on the last device, as the end of its
  /// part of the step; empty: nothing does.
  static void run_layers(const Transformer& transformer, Workspace& workspace, std::span<const TokenRun> runs,
                         std::span<const std::int32_t> ids, const std::function<void()>& after);
  /// A step: run_layers(), and results of the rows from `first_scored` on.
  static void run_step(const Transformer& transformer, Workspace& workspace, std::span<const TokenRun> runs,
                       std::span<const std::int32_t> ids, std::int64_t first_scored, const Results& results);
  void forward_chunks(std::span<const std::int32_t> ids, bool all, const Results& results);
  static void step_chunks(std::span<Sequence* const> sequences, std::span<const std::int32_t> ids,
                          const Results& results);
  void advance(std::int64_t tokens);

  const Transformer& transformer_;
  SequenceSize size_;
  KvCache cache_;
  std::shared_ptr<Workspace> workspace_;
  std::int64_t position_ = 0;
  std::int64_t furthest_ = 0;  // the furthest position since the text was empty: what the rings hold
};

}  // namespace transom::model
