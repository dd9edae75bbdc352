// SPDX-License-Identifier: Apache-2.0
#include "model/weights/weight_names.h"

namespace transom::model {

WeightNames llama_weight_names() {
  WeightNames names{"model.embed_tokens", "model.norm", "lm_head", nullptr};
  names.layer = [](std::int64_t index) {
    const std::string layer = "model.layers." + std::to_string(index) + ".";
    const std::string attention = layer + "self_attn.", mlp = layer + "mlp.";
    LayerNames slots;
    slots.input_norm = layer + "input_layernorm";
    slots.q = attention + "q_proj";
    slots.k = attention + "k_proj";
    slots.v = attention + "v_proj";
    slots.o = attention + "o_proj";
    slots.q_norm = attention + "q_norm";
    slots.k_norm = attention + "k_norm";
    slots.mlp_norm = layer + "post_attention_layernorm";
    slots.gate = mlp + "gate_proj";
    slots.up = mlp + "up_proj";
    slots.down = mlp + "down_proj";
    return slots;
  };
  return names;
}

}  // namespace transom::model
