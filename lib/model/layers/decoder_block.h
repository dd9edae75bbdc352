// SPDX-License-Identifier: Apache-2.0
/// The pre-norm decoder block that most families share:
///   x += output(attention(norm(x)));  x += down(silu(gate(norm(x))) * up(norm(x)))
#pragma once

#include "backend/backend.h"
#include "model/layers/rope_group.h"
#include "model/layers/token_run.h"
#include "model/spec.h"
#include "model/weights/weights.h"

namespace transom::model {

/// Matrices that a block works in, each [tokens, columns]; the caller owns them.
struct BlockWorkspace {
  TensorView x;         // [tokens, hidden] the residual stream
  TensorView normed;    // [tokens, hidden]
  TensorView qkv;       // [tokens, qkv_columns]
  TensorView q_sink;    // [tokens, qkv_columns], only its first columns used; empty without sinks
  TensorView attended;  // [tokens, n_heads * head_dim]
  TensorView gated;     // [tokens, intermediate]
  std::span<const std::int64_t> row_numbers;  // 0, 1, 2, ...
};

/// What attention of a layer sees and how it scales its scores; the position is the caller's to add.
backend::AttentionParams attention_params(const ModelSpec& spec, std::size_t layer);

/// The linear layers of a block in the order in which they run; each ends a stage of it.
enum class BlockStage { qkv, output, gate_up, down };
constexpr BlockStage kBlockStages[] = {BlockStage::qkv, BlockStage::output, BlockStage::gate_up,
                                       BlockStage::down};

/// What the linear layer of a stage reads, made from what the stages before it left in `work`.
TensorView stage_input(BlockStage stage, const ModelSpec& spec, const LayerWeights& weights,
                       const BlockWorkspace& work, backend::Backend& backend);
/// Applies the linear layer of a stage to its input, and after query, key and value the attention.
void run_stage(BlockStage stage, const ModelSpec& spec, std::size_t layer, const LayerWeights& weights,
               const RopeGroup& rope, std::span<const TokenRun> runs, const BlockWorkspace& work,
               backend::Backend& backend);

/// Where a block stands among those that run one after the other on one device.
struct BlockPlace {
  bool first = false, last = false;
};

/// Runs block `layer` over the rows of `runs`, which lie one after the other from row 0 on. Each run attends
/// to its own text only; the products are taken over all rows at once. Blocks run in order: each leaves its
/// results normed for the one behind it on the same device.
void run_decoder_block(const ModelSpec& spec, std::size_t layer, std::span<const LayerWeights> layers,
                       BlockPlace place, const RopeGroup& rope, std::span<const TokenRun> runs,
                       const BlockWorkspace& work, backend::Backend& backend);

}  // namespace transom::model
