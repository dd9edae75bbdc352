// SPDX-License-Identifier: Apache-2.0
/// The matrices of a model that are quantised, as a checkpoint names them, and how their floats are read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/layers/decoder_block.h"
#include "model/weights/weight_names.h"
#include "model/weights/weight_source.h"

namespace transom::compress {

struct Part {
  std::string name;  // without ".weight"
  std::int64_t rows = 0, cols = 0;
};

/// The matrices that a stage's linear layer stacks, all with the same inputs.
struct StageParts {
  std::vector<Part> parts;
  bool bias = false;  // each has one
};
StageParts parts_of(model::BlockStage stage, const model::ModelSpec& spec, const model::LayerNames& names);
Part head_part(const model::ModelSpec& spec, const model::WeightNames& names);

/// A stored tensor of floats. @throws FormatError when it is missing, of another shape, or not of floats.
io::StoredTensor require_floats(model::WeightSource& source, const std::string& name,
                                const std::vector<std::int64_t>& shape);
/// The same as f32. @throws as require_floats.
std::vector<float> read_floats(model::WeightSource& source, const std::string& name,
                               const std::vector<std::int64_t>& shape);
/// The stored name of the embedding: some tied checkpoints have the shared table under the head's name only.
std::string embedding_name(const model::ModelSpec& spec, const model::WeightNames& names,
                           model::WeightSource& source);

}  // namespace transom::compress
