// SPDX-License-Identifier: Apache-2.0
#include "model/layers/decoder_block.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "backend/ops.h"

namespace transom::model {

namespace ops = backend::ops;

namespace {

/// Rotates queries and keys, and appends keys and values to the caches of their texts. All texts of a step at
/// once, or many of them: what splits rows over threads then has more than one.
void rotate_and_append(const TensorView& q, const TensorView& k, const TensorView& v, const RopeGroup& rope,
                       std::span<const TokenRun> runs, std::size_t layer, backend::Backend& backend) {
  std::array<backend::KvRows, 64> texts;  // on the stack: a step allocates nothing
  while (!runs.empty()) {
    const std::span<const TokenRun> now = runs.first(std::min(runs.size(), texts.size()));
    std::ranges::transform(now, texts.begin(), [&](const TokenRun& run) {
      return backend::KvRows{&run.cache->layer(layer), run.first_position, run.rows};
    });
    const std::int64_t row = now.front().row, rows = now.back().row + now.back().rows - row;
    ops::rope_append(backend, q.row_slice(row, rows), k.row_slice(row, rows), v.row_slice(row, rows),
                     rope.tables().rows(row, rows), std::span(texts).first(now.size()));
    runs = runs.subspan(now.size());
  }
}

/// attended = attention of the normed rows.
void run_attention(const ModelSpec& spec, std::size_t layer, const LayerWeights& weights,
                   const RopeGroup& rope, std::span<const TokenRun> runs, const BlockWorkspace& work,
                   backend::Backend& backend) {
  const std::int64_t q_columns = spec.n_heads * spec.head_dim, kv_columns = spec.n_kv_heads * spec.head_dim;
  apply(backend, weights.qkv, work.normed, work.qkv);
  const TensorView q_matrix = work.qkv.column_slice(0, q_columns);
  const TensorView q = q_matrix.split_heads(spec.n_heads);
  const TensorView k = work.qkv.column_slice(q_columns, kv_columns).split_heads(spec.n_kv_heads);
  const TensorView v = work.qkv.column_slice(q_columns + kv_columns, kv_columns).split_heads(spec.n_kv_heads);
  if (spec.qk_norm) {
    const auto epsilon = static_cast<float>(spec.norm_epsilon);
    ops::rms_norm(backend, q, weights.q_norm, epsilon, q);
    ops::rms_norm(backend, k, weights.k_norm, epsilon, k);
  }
  TensorView q_sink;
  if (rope.has_sink_tables()) {
    const TensorView copy = work.q_sink.column_slice(0, q_columns);
    ops::gather_rows(backend, q_matrix, work.row_numbers, copy);
    q_sink = copy.split_heads(spec.n_heads);
    ops::rope(backend, q_sink, rope.sink_tables());
  }
  rotate_and_append(q, k, v, rope, runs, layer, backend);
  backend::AttentionParams params = attention_params(spec, layer);
  const TensorView attended = work.attended.split_heads(spec.n_heads);
  for (const TokenRun& run : runs) {
    const auto rows_of = [&](const TensorView& all) { return all.row_slice(run.row, run.rows); };
    const TensorView sink_rows = rope.has_sink_tables() ? rows_of(q_sink) : TensorView();
    params.first_position = run.first_position;
    ops::attention(backend, rows_of(q), rope.has_sink_tables() ? &sink_rows : nullptr,
                   run.cache->layer(layer), params, rows_of(attended));
  }
}

}  // namespace

backend::AttentionParams attention_params(const ModelSpec& spec, std::size_t layer) {
  backend::AttentionParams params;
  params.window = spec.layers[layer].window;
  params.power_ages = spec.layers[layer].pattern == AttentionPattern::log_stride_exact;
  params.scale = 1.0f / std::sqrt(static_cast<float>(spec.head_dim));
  return params;
}

TensorView stage_input(BlockStage stage, const ModelSpec& spec, const LayerWeights& weights,
                       const BlockWorkspace& work, backend::Backend& backend) {
  if (stage == BlockStage::output) return work.attended;
  if (stage == BlockStage::down) return work.gated;
  const TensorView& norm = stage == BlockStage::qkv ? weights.input_norm : weights.mlp_norm;
  ops::rms_norm(backend, work.x, norm, static_cast<float>(spec.norm_epsilon), work.normed);
  return work.normed;
}

void run_stage(BlockStage stage, const ModelSpec& spec, std::size_t layer, const LayerWeights& weights,
               const RopeGroup& rope, std::span<const TokenRun> runs, const BlockWorkspace& work,
               backend::Backend& backend) {
  switch (stage) {
    case BlockStage::qkv:
      return run_attention(spec, layer, weights, rope, runs, work, backend);
    case BlockStage::output:
      return apply(backend, weights.output, work.attended, work.x, true);
    case BlockStage::gate_up:
      return apply_gated(backend, weights.gate_up, work.normed, work.gated);
    case BlockStage::down:
      return apply(backend, weights.down, work.gated, work.x, true);
  }
}

void run_decoder_block(const ModelSpec& spec, std::size_t layer, std::span<const LayerWeights> layers,
                       BlockPlace place, const RopeGroup& rope, std::span<const TokenRun> runs,
                       const BlockWorkspace& work, backend::Backend& backend) {
  const LayerWeights& weights = layers[layer];
  const auto run = [&](BlockStage stage) {
    run_stage(stage, spec, layer, weights, rope, runs, work, backend);
  };
  const auto run_and_norm = [&](const LinearLayer& linear, const TensorView& input, const TensorView& norm) {
    apply_and_norm(backend, linear, input, work.x, norm, static_cast<float>(spec.norm_epsilon), work.normed);
  };
  if (place.first) stage_input(BlockStage::qkv, spec, weights, work, backend);
  run(BlockStage::qkv);
  run_and_norm(weights.output, work.attended, weights.mlp_norm);
  run(BlockStage::gate_up);
  if (place.last) return run(BlockStage::down);
  run_and_norm(weights.down, work.gated, layers[layer + 1].input_norm);
}

}  // namespace transom::model
