// SPDX-License-Identifier: Apache-2.0
/// One text in progress: KV cache, workspace and position.
///
/// Everything is sized when the sequence is made; forward() allocates nothing. One thread at a time; any
/// number of sequences of one transformer on any threads.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "backend/backend.h"
#include "model/kv_cache.h"
#include "model/transformer.h"

namespace transom::model {

struct SequenceOptions {
  std::int64_t max_context = 0;  // 0 = as the spec says
  std::int64_t prefill_chunk = 512;
};

class Sequence {
 public:
  /// Positions of a text without bound: what fits the arithmetic of positions.
  static constexpr std::int64_t kUnbounded = std::int64_t{1} << 40;

  /// The transformer must outlive the sequence.
  Sequence(const Transformer& transformer, const SequenceOptions& options);
  ~Sequence();

  /// Appends ids and writes f32 logits: of the last token [vocab], or with `all` of each [ids.size(), vocab].
  /// The prompt goes through in chunks. An empty `logits` asks for none.
  /// @throws InvalidArgument, before anything changes, for ids outside the vocabulary or beyond the context.
  void forward(std::span<const std::int32_t> ids, bool all, std::span<float> logits);

  /// Checks ids that would stand from `position` on. @throws InvalidArgument for one outside the vocabulary,
  /// and for a text beyond the context.
  void check_ids(std::span<const std::int32_t> ids, std::int64_t position) const;

  std::int64_t position() const { return position_; }
  std::int64_t context() const { return context_; }
  std::int64_t chunk() const { return chunk_; }
  std::int64_t kv_bytes() const { return cache_.bytes(); }
  std::int64_t workspace_bytes() const;

  /// For benchmarks: takes positions up to here as read, with whatever the cache holds.
  void assume_position(std::int64_t position) { position_ = position; }
  const KvCache& cache() const { return cache_; }

  /// Cuts the text back. @throws InvalidArgument when overwritten slots would be needed.
  void truncate(std::int64_t position);

 private:
  struct Workspace;

  void forward_chunk(std::span<const std::int32_t> ids, bool all, std::span<float> logits);
  void score(std::int64_t tokens, bool all, std::span<float> logits);

  const Transformer& transformer_;
  std::int64_t context_;
  std::int64_t chunk_;
  KvCache cache_;
  std::unique_ptr<Workspace> workspace_;
  std::int64_t position_ = 0;
  std::int64_t furthest_ = 0;  // the furthest position since the text was empty: what the rings hold
};

}  // namespace transom::model
