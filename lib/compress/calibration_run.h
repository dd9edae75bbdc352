// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "compress/activations.h"
#include "compress/hessian.h"
#include "model/layers/decoder_block.h"
#include "model/weights/weight_source.h"

namespace transom::compress {

/// The calibration tokens on their way through the model, a stage at a time.
///
/// Two things flow between stages: the residual stream, and beside it what attention or the gate gave for the
/// next layer. All texts are independent: they go through in chunks of whole texts.
class CalibrationRun {
 public:
  /// @param spec Must outlive the run. @param ids [sequences, length].
  CalibrationRun(const model::ModelSpec& spec, std::span<const std::int32_t> ids, std::int64_t length,
                 const std::filesystem::path& spill, backend::Backend& backend);

  /// Makes the residual stream that of the embedding table, f32, f16 or bf16 [vocab, hidden] in any
  /// alignment.
  void embed(const io::StoredTensor& table, std::span<const std::int32_t> ids);
  /// Before the stages of a layer.
  void begin_layer(std::size_t layer);
  /// The Hessian of what the stage's linear layer reads.
  Hessian measure(model::BlockStage stage, const model::LayerWeights& weights);
  /// Runs the stage over all texts.
  void advance(model::BlockStage stage, const model::LayerWeights& weights);
  /// The Hessian of what the head reads.
  Hessian measure_head(const core::TensorView& final_norm);

 private:
  struct Chunk {
    model::BlockWorkspace work;
    std::int64_t first = 0, rows = 0;
  };

  void for_each_chunk(const std::function<void(const Chunk&)>& use);
  Chunk chunk(std::int64_t first) const;

  const model::ModelSpec& spec_;
  backend::Backend& backend_;
  std::int64_t tokens_, length_, chunk_rows_;
  Activations stream_, beside_;
  backend::Buffer scratch_;
  model::BlockWorkspace scratch_views_;  // normed, qkv and q_sink, for a chunk
  std::vector<std::int64_t> row_numbers_;

  // Of the current layer, whose spec stands alone in one_layer_.
  model::ModelSpec one_layer_;
  std::vector<std::unique_ptr<model::KvCache>> caches_;  // one a text of a chunk
  std::unique_ptr<model::RopeGroup> rope_;
  std::vector<model::TokenRun> runs_;
};

}  // namespace transom::compress
