// SPDX-License-Identifier: Apache-2.0
// Llama 1-3, DeepSeek-LLM, DeepSeek-Coder v1, R1-Distill-Llama, SmolLM2.
// Source: transformers models/llama/{configuration,modeling}_llama.py.
#include "model/families/common.h"
#include "model/family.h"

namespace transom::model {
namespace {

ModelSpec read(const ConfigReader& reader) {
  const FamilyDefaults defaults{
      .vocab = 32000, .hidden = 4096, .intermediate = 11008, .layers = 32, .heads = 32};
  ModelSpec spec = read_common(reader, defaults);
  spec.qkv_bias = spec.output_bias = reader.boolean("attention_bias", false);
  spec.mlp_bias = reader.boolean("mlp_bias", false);
  // The family has no window; a sliding_window key of a mixed-up file is ignored, as the reference does.
  read_layers(reader, defaults, spec, 0, [](std::int64_t) { return false; });
  return spec;
}

}  // namespace

const Family kLlama{"llama", read, llama_weight_names};

}  // namespace transom::model
