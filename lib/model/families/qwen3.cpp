// SPDX-License-Identifier: Apache-2.0
// Qwen3: Qwen2 without biases, with a norm on each query and key head and a head size of its own.
// Source: transformers models/qwen3/{configuration,modeling}_qwen3.py.
#include "model/families/common.h"
#include "model/family.h"

namespace transom::model {
namespace {

ModelSpec read(const ConfigReader& reader) {
  const FamilyDefaults defaults{.vocab = 151936,
                                .hidden = 4096,
                                .intermediate = 22016,
                                .layers = 32,
                                .heads = 32,
                                .kv_heads = 32,
                                .head_dim = 128,
                                .max_position = 32768};
  ModelSpec spec = read_common(reader, defaults);
  spec.qk_norm = true;
  spec.qkv_bias = spec.output_bias = reader.boolean("attention_bias", false);
  read_upper_window_layers(reader, defaults, spec);
  return spec;
}

}  // namespace

const Family kQwen3{"qwen3", read, llama_weight_names};

}  // namespace transom::model
