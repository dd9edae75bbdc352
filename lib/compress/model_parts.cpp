// SPDX-License-Identifier: Apache-2.0
#include "compress/model_parts.h"

#include "core/checks.h"
#include "core/count.h"
#include "core/float_convert.h"
#include "transom/error.h"

namespace transom::compress {

using core::count;
using model::BlockStage;

StageParts parts_of(BlockStage stage, const model::ModelSpec& spec, const model::LayerNames& names) {
  const std::int64_t q = spec.n_heads * spec.head_dim, kv = spec.n_kv_heads * spec.head_dim;
  switch (stage) {
    case BlockStage::qkv:
      return {{{names.q, q, spec.hidden}, {names.k, kv, spec.hidden}, {names.v, kv, spec.hidden}},
              spec.qkv_bias};
    case BlockStage::output:
      return {{{names.o, spec.hidden, q}}, spec.output_bias};
    case BlockStage::gate_up:
      return {{{names.gate, spec.intermediate, spec.hidden}, {names.up, spec.intermediate, spec.hidden}},
              spec.mlp_bias};
    case BlockStage::down:
      return {{{names.down, spec.hidden, spec.intermediate}}, spec.mlp_bias};
  }
  return {};
}

Part head_part(const model::ModelSpec& spec, const model::WeightNames& names) {
  return {names.head, spec.vocab, spec.hidden};
}

io::StoredTensor require_floats(model::WeightSource& source, const std::string& name,
                                const std::vector<std::int64_t>& shape) {
  const auto tensor = source.find(name, shape);
  if (!tensor || tensor->shape != shape || !core::is_floating(tensor->dtype)) {
    const io::StoredTensor wanted{name, DType::f32, shape, {}, nullptr};
    throw FormatError(core::message(source.describe(), ": tensor \"", name,
                                    "\": expected floats in the shape of ", wanted.describe(), ", found ",
                                    tensor ? tensor->describe() : "nothing"));
  }
  return *tensor;
}

std::vector<float> read_floats(model::WeightSource& source, const std::string& name,
                               const std::vector<std::int64_t>& shape) {
  const io::StoredTensor tensor = require_floats(source, name, shape);
  std::vector<float> values(count(tensor.elements()));
  core::to_float(tensor.dtype, tensor.bytes.data(), values);
  source.release(tensor);
  return values;
}

std::string embedding_name(const model::ModelSpec& spec, const model::WeightNames& names,
                           model::WeightSource& source) {
  const std::vector<std::int64_t> shape{spec.vocab, spec.hidden};
  const std::string name = names.embedding + ".weight", head = names.head + ".weight";
  return spec.tie_embeddings && !source.find(name, shape) && source.find(head, shape) ? head : name;
}

}  // namespace transom::compress
