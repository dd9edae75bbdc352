// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace transom::model {

/// Checkpoint names of the weight slots of one decoder layer, without the ".weight" and ".bias" endings.
struct LayerNames {
  std::string input_norm, q, k, v, o, q_norm, k_norm;
  std::string mlp_norm, gate, up, down;
};

/// Checkpoint names of a model.
struct WeightNames {
  std::string embedding, final_norm, head;
  LayerNames (*layer)(std::int64_t index) = nullptr;
};

/// The names that Llama introduced and most families kept.
WeightNames llama_weight_names();

}  // namespace transom::model
