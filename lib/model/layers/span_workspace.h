// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/layers/decoder_block.h"
#include "model/placement.h"

namespace transom::model {

// Rows that are scored at once when the logits of every token are asked for: enough to keep the head compute
// bound, few enough that a large vocabulary needs no large workspace (64 x 152k f32 = 39 MB).
constexpr std::int64_t kScoreRows = 64;

/// What the layers of one device work in: one buffer, cut into the matrices of a block for the largest chunk;
/// a smaller call takes their first rows.
struct SpanWorkspace {
  /// @param score_rows Rows of `scored` and `logits`; 0 for spans before the last.
  SpanWorkspace(const ModelSpec& spec, const LayerSpan& span, std::int64_t tokens, std::int64_t score_rows) {
    backend::Backend& device = *span.device;
    buffer = device.allocate(bytes(spec, span.layers() > 0, tokens, score_rows), "the workspace",
                             backend::Buffer::Pages::huge);
    float* next = buffer.as<float>();
    const auto take = [&](std::int64_t rows, std::int64_t width) {
      const TensorView view = TensorView::dense(next, DType::f32, {rows, width});
      next += rows * width;
      return view;
    };
    block.x = take(tokens, spec.hidden);
    if (span.layers() > 0) {
      block.normed = take(tokens, spec.hidden);
      block.qkv = take(tokens, spec.qkv_columns());
      if (spec.any_sinks()) block.q_sink = take(tokens, spec.qkv_columns());
      block.attended = take(tokens, spec.n_heads * spec.head_dim);
      block.gated = take(tokens, spec.intermediate);
    }
    scored = take(score_rows, spec.hidden);
    logits = take(score_rows, spec.vocab);
    for (std::int64_t i = span.first; i < span.end; ++i) {
      const LayerSpec& layer = spec.layers[static_cast<std::size_t>(i)];
      const RopeSpec& rope = spec.ropes[layer.rope];
      std::size_t group = 0;
      while (group < ropes.size() && !ropes[group].serves(rope, layer)) ++group;
      if (group == ropes.size()) ropes.emplace_back(rope, layer, tokens, device);
      rope_of_layer.push_back(group);
    }
  }

  /// Of the buffer.
  static std::size_t bytes(const ModelSpec& spec, bool has_layers, std::int64_t tokens,
                           std::int64_t score_rows) {
    std::int64_t columns = spec.hidden;
    if (has_layers) {
      columns += spec.hidden + (spec.any_sinks() ? 2 : 1) * spec.qkv_columns() +
                 spec.n_heads * spec.head_dim + spec.intermediate;
    }
    return static_cast<std::size_t>(tokens * columns + score_rows * (spec.hidden + spec.vocab)) *
           sizeof(float);
  }

  BlockWorkspace first_rows(std::int64_t tokens) const {
    BlockWorkspace part = block;
    for (TensorView* view : {&part.x, &part.normed, &part.qkv, &part.q_sink, &part.attended, &part.gated}) {
      if (view->data != nullptr) *view = view->row_slice(0, tokens);
    }
    return part;
  }

  backend::Buffer buffer;
  BlockWorkspace block;  // but for row_numbers
  TensorView scored;     // [score_rows, hidden]
  TensorView logits;     // [score_rows, vocab]
  std::vector<RopeGroup> ropes;
  std::vector<std::size_t> rope_of_layer;  // from the first of the span on
};

}  // namespace transom::model
