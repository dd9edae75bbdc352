// SPDX-License-Identifier: Apache-2.0
#include "model/layers/rope_group.h"

#include <algorithm>
#include <numeric>

#include "backend/ops.h"
#include "core/count.h"
#include "model/layers/rope.h"

namespace transom::model {

using core::count;

RopeGroup::RopeGroup(const RopeSpec& rope, const LayerSpec& layer, std::int64_t tokens,
                     backend::Backend& backend)
    : rope_(&rope), window_(layer.window), sinks_(layer.sinks), inv_freq_(count(rope.rotary_dim / 2)) {
  compute_inv_freq(rope, 0, inv_freq_);
  const auto bytes = count(2 * tokens * rope.rotary_dim / 2) * sizeof(float);
  positions_.resize(count(tokens));
  buffer_ = backend.allocate(bytes, "rope tables", backend::Buffer::Pages::huge);
  if (sinks_ > 0) {
    sink_positions_.resize(count(tokens));
    sink_buffer_ = backend.allocate(bytes, "rope tables", backend::Buffer::Pages::huge);
  }
}

backend::RopeTables RopeGroup::view(backend::Buffer& buffer, std::int64_t tokens, std::int64_t half) {
  float* data = buffer.as<float>();
  return {core::TensorView::dense(data, DType::f32, {tokens, half}),
          core::TensorView::dense(data + tokens * half, DType::f32, {tokens, half})};
}

void RopeGroup::fill(std::span<const TokenRun> runs, backend::Backend& backend) {
  const std::int64_t half = rope_->rotary_dim / 2, tokens = runs.back().row + runs.back().rows;
  const auto magnitude = static_cast<float>(rope_->magnitude);
  // StreamingLLM: as far as the sinks are concerned, a query stands at its index inside the cache.
  const std::int64_t last_index = sinks_ + window_ - 1;
  sinks_differ_ = false;
  for (const TokenRun& run : runs)
    sinks_differ_ |= sinks_ > 0 && run.first_position + run.rows - 1 > last_index;
  tables_ = view(buffer_, tokens, half);
  if (sinks_differ_) sink_tables_ = view(sink_buffer_, tokens, half);
  const auto fill_rows = [&](std::int64_t row, std::int64_t rows) {
    const auto here = [&](const std::vector<std::int64_t>& positions) {
      return std::span(positions).subspan(count(row), count(rows));
    };
    backend::ops::rope_table(backend, here(positions_), inv_freq_, magnitude, tables_.rows(row, rows));
    if (sinks_differ_)
      backend::ops::rope_table(backend, here(sink_positions_), inv_freq_, magnitude,
                               sink_tables_.rows(row, rows));
  };
  for (const TokenRun& run : runs) {
    const auto first = positions_.begin() + run.row;
    std::iota(first, first + run.rows, run.first_position);
  }
  if (sinks_differ_)
    std::transform(positions_.begin(), positions_.begin() + tokens, sink_positions_.begin(),
                   [&](std::int64_t position) { return std::min(position, last_index); });
  if (!depends_on_length(*rope_)) return fill_rows(0, tokens);
  for (const TokenRun& run : runs) {
    compute_inv_freq(*rope_, run.first_position + run.rows, inv_freq_);
    fill_rows(run.row, run.rows);
  }
}

}  // namespace transom::model
