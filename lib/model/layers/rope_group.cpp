// SPDX-License-Identifier: Apache-2.0
#include "model/layers/rope_group.h"

#include <algorithm>

#include "backend/ops.h"
#include "core/count.h"
#include "model/rope.h"

namespace transom::model {

using core::count;

RopeGroup::RopeGroup(const RopeSpec& rope, std::int64_t window, std::int64_t sinks, std::int64_t tokens,
                     backend::Backend& backend)
    : rope_(&rope), window_(window), sinks_(window > 0 ? sinks : 0), inv_freq_(count(rope.rotary_dim / 2)) {
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

void RopeGroup::fill(std::int64_t first, std::int64_t tokens, backend::Backend& backend) {
  const std::int64_t half = rope_->rotary_dim / 2;
  if (depends_on_length(*rope_)) compute_inv_freq(*rope_, first + tokens, inv_freq_);
  const auto magnitude = static_cast<float>(rope_->magnitude);
  for (std::int64_t t = 0; t < tokens; ++t) positions_[count(t)] = first + t;
  tables_ = view(buffer_, tokens, half);
  backend::ops::rope_table(backend, std::span(positions_).first(count(tokens)), inv_freq_, magnitude,
                           tables_);

  // StreamingLLM: as far as the sinks are concerned, a query stands at its index inside the cache.
  const std::int64_t last_index = sinks_ + window_ - 1;
  sinks_differ_ = sinks_ > 0 && first + tokens - 1 > last_index;
  if (!sinks_differ_) return;
  for (std::int64_t t = 0; t < tokens; ++t) sink_positions_[count(t)] = std::min(first + t, last_index);
  sink_tables_ = view(sink_buffer_, tokens, half);
  backend::ops::rope_table(backend, std::span(sink_positions_).first(count(tokens)), inv_freq_, magnitude,
                           sink_tables_);
}

}  // namespace transom::model
