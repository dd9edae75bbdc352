// SPDX-License-Identifier: Apache-2.0
// Mistral: Llama with a sliding window on every layer, where the file has one. With layer_types it is what
// transformers calls Ministral: the layers named there have the window.
// Source: transformers models/{mistral,ministral}/{configuration,modeling}_*.py,
// models/auto/configuration_auto.py.
#include "model/families/common.h"
#include "model/family.h"

namespace transom::model {
namespace {

ModelSpec read(const ConfigReader& reader) {
  const FamilyDefaults defaults{.vocab = 32000,
                                .hidden = 4096,
                                .intermediate = 14336,
                                .layers = 32,
                                .heads = 32,
                                .kv_heads = 8,
                                .max_position = 131072};
  ModelSpec spec = read_common(reader, defaults);
  const std::int64_t window = read_sliding_window(reader, 4096);
  read_layers(reader, defaults, spec, window, [&](std::int64_t) { return window > 0; });
  return spec;
}

}  // namespace

const Family kMistral{"mistral", read, llama_weight_names};

}  // namespace transom::model
