// SPDX-License-Identifier: Apache-2.0
// Qwen2, Qwen2.5, R1-Distill-Qwen: Llama with biases on query, key and value (no key of the file says so),
// and a window on the upper layers. Source: transformers models/qwen2/{configuration,modeling}_qwen2.py.
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
                                .max_position = 32768};
  ModelSpec spec = read_common(reader, defaults);
  spec.qkv_bias = true;
  read_upper_window_layers(reader, defaults, spec);
  return spec;
}

}  // namespace

const Family kQwen2{"qwen2", read, llama_weight_names};

}  // namespace transom::model
