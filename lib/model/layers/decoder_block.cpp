// SPDX-License-Identifier: Apache-2.0
#include "model/layers/decoder_block.h"

#include <cmath>

#include "backend/ops.h"

namespace transom::model {

namespace ops = backend::ops;

namespace {

/// attended = attention of the normed rows, with keys and values appended to the cache.
void run_attention(const ModelSpec& spec, const LayerSpec& layer, const LayerWeights& weights,
                   const RopeGroup& rope, const backend::KvCacheView& cache, std::int64_t first_position,
                   const BlockWorkspace& work, backend::Backend& backend) {
  const std::int64_t q_columns = spec.n_heads * spec.head_dim, kv_columns = spec.n_kv_heads * spec.head_dim;
  ops::linear(backend, *weights.qkv, work.normed, work.qkv);
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
  ops::rope(backend, q, rope.tables());
  ops::rope(backend, k, rope.tables());
  ops::kv_append(backend, k, v, first_position, cache);
  backend::AttentionParams params;
  params.first_position = first_position;
  params.window = layer.window;
  params.scale = 1.0f / std::sqrt(static_cast<float>(spec.head_dim));
  ops::attention(backend, q, rope.has_sink_tables() ? &q_sink : nullptr, cache, params,
                 work.attended.split_heads(spec.n_heads));
}

}  // namespace

void run_decoder_block(const ModelSpec& spec, const LayerSpec& layer, const LayerWeights& weights,
                       const RopeGroup& rope, const backend::KvCacheView& cache, std::int64_t first_position,
                       const BlockWorkspace& work, backend::Backend& backend) {
  const auto epsilon = static_cast<float>(spec.norm_epsilon);
  ops::rms_norm(backend, work.x, weights.input_norm, epsilon, work.normed);
  run_attention(spec, layer, weights, rope, cache, first_position, work, backend);
  ops::linear(backend, *weights.output, work.attended, work.x, true);

  ops::rms_norm(backend, work.x, weights.mlp_norm, epsilon, work.normed);
  ops::gated_linear(backend, *weights.gate_up, work.normed, work.gated);
  ops::linear(backend, *weights.down, work.gated, work.x, true);
}

}  // namespace transom::model
