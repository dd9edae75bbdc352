// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "model/layers/decoder_block.h"
#include "model/sequence.h"

namespace transom::model {

/// One buffer, cut into the matrices of a block for the largest chunk; a smaller call takes their first rows.
struct Sequence::Workspace {
  // Rows that are scored at once when the logits of every token are asked for: enough to keep the head
  // compute bound, few enough that a large vocabulary needs no large workspace (64 x 152k f32 = 39 MB).
  static constexpr std::int64_t kScoreRows = 64;

  Workspace(const ModelSpec& spec, std::int64_t tokens, backend::Backend& backend) {
    const std::int64_t attended = spec.n_heads * spec.head_dim;
    const bool sinks = spec.any_sinks();
    score_rows = std::min(tokens, kScoreRows);
    const std::int64_t columns =
        2 * spec.hidden + (sinks ? 2 : 1) * spec.qkv_columns() + attended + spec.intermediate;
    const std::int64_t floats = tokens * columns + score_rows * (spec.hidden + spec.vocab);
    buffer = backend.allocate(static_cast<std::size_t>(floats) * sizeof(float), "the workspace",
                              backend::Buffer::Pages::huge);
    float* next = buffer.as<float>();
    const auto take = [&](std::int64_t rows, std::int64_t width) {
      const TensorView view = TensorView::dense(next, DType::f32, {rows, width});
      next += rows * width;
      return view;
    };
    block.x = take(tokens, spec.hidden);
    block.normed = take(tokens, spec.hidden);
    block.qkv = take(tokens, spec.qkv_columns());
    if (sinks) block.q_sink = take(tokens, spec.qkv_columns());
    block.attended = take(tokens, attended);
    block.gated = take(tokens, spec.intermediate);
    scored = take(score_rows, spec.hidden);
    logits = take(score_rows, spec.vocab);
    row_numbers.resize(static_cast<std::size_t>(tokens));
    std::iota(row_numbers.begin(), row_numbers.end(), std::int64_t{0});
    for (const LayerSpec& layer : spec.layers) {
      const RopeSpec& rope = spec.ropes[layer.rope];
      std::size_t group = 0;
      while (group < ropes.size() && !ropes[group].serves(rope, layer)) ++group;
      if (group == ropes.size()) ropes.emplace_back(rope, layer, tokens, backend);
      rope_of_layer.push_back(group);
    }
  }

  BlockWorkspace first_rows(std::int64_t tokens) const {
    BlockWorkspace part = block;
    for (TensorView* view : {&part.x, &part.normed, &part.qkv, &part.q_sink, &part.attended, &part.gated}) {
      if (view->data != nullptr) *view = view->row_slice(0, tokens);
    }
    part.row_numbers = std::span(row_numbers).first(static_cast<std::size_t>(tokens));
    return part;
  }

  backend::Buffer buffer;
  BlockWorkspace block;
  TensorView scored;  // [score_rows, hidden]
  TensorView logits;  // [score_rows, vocab]
  std::int64_t score_rows = 0;
  std::vector<std::int64_t> row_numbers;
  std::vector<RopeGroup> ropes;
  std::vector<std::size_t> rope_of_layer;
  std::vector<TokenRun> runs;
};

}  // namespace transom::model
