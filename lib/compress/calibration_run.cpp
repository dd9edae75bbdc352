// SPDX-License-Identifier: Apache-2.0
#include "compress/calibration_run.h"

#include <algorithm>
#include <numeric>

#include "backend/ops.h"
#include "core/count.h"
#include "core/float_convert.h"

namespace transom::compress {

using core::count;
using core::TensorView;
using model::BlockStage;

namespace {

// Tokens of a chunk: enough for products at full speed, few enough that a chunk's scratch is small beside a
// layer's weights.
constexpr std::int64_t kChunkTokens = 4096;

std::int64_t rows_of_chunk(std::int64_t length, std::int64_t tokens) {
  return std::min(std::max<std::int64_t>(kChunkTokens / length, 1) * length, tokens);
}

}  // namespace

CalibrationRun::CalibrationRun(const model::ModelSpec& spec, std::span<const std::int32_t> ids,
                               std::int64_t length, const std::filesystem::path& spill,
                               backend::Backend& backend)
    : spec_(spec),
      backend_(backend),
      tokens_(static_cast<std::int64_t>(ids.size())),
      length_(length),
      chunk_rows_(rows_of_chunk(length, tokens_)),
      stream_(tokens_, spec.hidden, spill),
      beside_(tokens_, std::max(spec.n_heads * spec.head_dim, spec.intermediate), spill),
      row_numbers_(count(chunk_rows_)),
      one_layer_(spec) {
  const bool sinks = spec.any_sinks();
  const std::int64_t columns = spec.hidden + (sinks ? 2 : 1) * spec.qkv_columns();
  scratch_ = backend.allocate(count(chunk_rows_ * columns) * sizeof(float), "calibration scratch",
                              backend::Buffer::Pages::huge);
  float* next = scratch_.as<float>();
  const auto take = [&](std::int64_t width) {
    const TensorView view = TensorView::dense(next, DType::f32, {chunk_rows_, width});
    next += chunk_rows_ * width;
    return view;
  };
  scratch_views_.normed = take(spec.hidden);
  scratch_views_.qkv = take(spec.qkv_columns());
  if (sinks) scratch_views_.q_sink = take(spec.qkv_columns());
  std::iota(row_numbers_.begin(), row_numbers_.end(), std::int64_t{0});
  one_layer_.layers.resize(1);
  one_layer_.n_layers = 1;
  backend.reserve({length, spec.n_heads, spec.n_kv_heads, spec.head_dim});
}

void CalibrationRun::embed(const io::StoredTensor& table, std::span<const std::int32_t> ids) {
  const std::size_t bytes = count(spec_.hidden) * dtype_size(table.dtype);
  std::vector<float> row(count(spec_.hidden));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    core::to_float(table.dtype, table.bytes.data() + count(ids[i]) * bytes, row);
    backend_.upload(stream_.rows(static_cast<std::int64_t>(i), 1, spec_.hidden),
                    std::as_bytes(std::span(row)));
  }
}

void CalibrationRun::begin_layer(std::size_t layer) {
  one_layer_.layers[0] = spec_.layers[layer];
  const std::int64_t texts = chunk_rows_ / length_;
  caches_.clear();
  runs_.clear();
  for (std::int64_t i = 0; i < texts; ++i) {
    caches_.push_back(std::make_unique<model::KvCache>(one_layer_, DType::f32, length_, length_,
                                                       model::Placement(backend_, 1)));
    caches_.back()->make_writable(0, length_);
    runs_.push_back({caches_.back().get(), 0, i * length_, length_});
  }
  rope_ = std::make_unique<model::RopeGroup>(spec_.ropes[one_layer_.layers[0].rope], one_layer_.layers[0],
                                             chunk_rows_, backend_);
}

CalibrationRun::Chunk CalibrationRun::chunk(std::int64_t first) const {
  Chunk chunk;
  chunk.first = first;
  chunk.rows = std::min(chunk_rows_, tokens_ - first);
  chunk.work = scratch_views_;
  for (TensorView* view : {&chunk.work.normed, &chunk.work.qkv, &chunk.work.q_sink}) {
    if (view->data != nullptr) *view = view->row_slice(0, chunk.rows);
  }
  chunk.work.x = stream_.rows(first, chunk.rows, spec_.hidden);
  chunk.work.attended = beside_.rows(first, chunk.rows, spec_.n_heads * spec_.head_dim);
  chunk.work.gated = beside_.rows(first, chunk.rows, spec_.intermediate);
  chunk.work.row_numbers = std::span(row_numbers_).first(count(chunk.rows));
  return chunk;
}

void CalibrationRun::for_each_chunk(const std::function<void(const Chunk&)>& use) {
  for (std::int64_t first = 0; first < tokens_; first += chunk_rows_) {
    const Chunk part = chunk(first);
    use(part);
    stream_.release(part.first, part.rows);
    beside_.release(part.first, part.rows);
  }
}

Hessian CalibrationRun::measure(BlockStage stage, const model::LayerWeights& weights) {
  const TensorView input = stage == BlockStage::output ? chunk(0).work.attended
                           : stage == BlockStage::down ? chunk(0).work.gated
                                                       : chunk(0).work.normed;
  Hessian hessian(input.columns(), backend_);
  for_each_chunk([&](const Chunk& part) {
    TensorView x;
    backend_.execute([&] { x = model::stage_input(stage, one_layer_, weights, part.work, backend_); });
    hessian.add(x);
  });
  return hessian;
}

void CalibrationRun::advance(BlockStage stage, const model::LayerWeights& weights) {
  for_each_chunk([&](const Chunk& part) {
    const auto runs = std::span(runs_).first(count(part.rows / length_));
    backend_.execute([&] {
      if (stage == BlockStage::qkv) rope_->fill(runs, backend_);
      model::stage_input(stage, one_layer_, weights, part.work, backend_);
      model::run_stage(stage, one_layer_, 0, weights, *rope_, runs, part.work, backend_);
    });
  });
}

Hessian CalibrationRun::measure_head(const TensorView& final_norm) {
  Hessian hessian(spec_.hidden, backend_);
  for_each_chunk([&](const Chunk& part) {
    backend_.execute([&] {
      backend::ops::rms_norm(backend_, part.work.x, final_norm, static_cast<float>(spec_.norm_epsilon),
                             part.work.normed);
    });
    hessian.add(part.work.normed);
  });
  return hessian;
}

}  // namespace transom::compress
