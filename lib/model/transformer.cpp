// SPDX-License-Identifier: Apache-2.0
#include "model/transformer.h"

#include <algorithm>

#include "core/checks.h"

namespace transom::model {

Transformer::Transformer(ModelSpec spec, std::unique_ptr<ModelWeights> weights,
                         std::shared_ptr<WeightSource> source, std::shared_ptr<backend::Backend> backend)
    : spec_(std::move(spec)),
      backend_(std::move(backend)),
      source_(std::move(source)),
      weights_(std::move(weights)) {}

DType Transformer::kv_dtype() const {
  switch (spec_.kv_dtype) {
    case KvDType::f32:
      return DType::f32;
    case KvDType::bf16:
      return DType::bf16;
    case KvDType::int8:
      return DType::i8;
    case KvDType::automatic:
      break;
  }
  return weights_->sixteen_bit && spec_.dtype != WeightDType::f32 ? DType::bf16 : DType::f32;
}

std::vector<std::string> Transformer::kernel_choices() const {
  std::vector<std::string> lines;
  const auto add = [&](const char* what, const LinearLayer& layer) {
    for (const auto& part : layer.parts)
      lines.push_back(core::message(what, " [", part->rows, ", ", part->cols, "]: ", part->choice));
  };
  const LayerWeights& first = weights_->layers.front();
  add("qkv", first.qkv);
  add("output", first.output);
  add("gate_up", first.gate_up);
  add("down", first.down);
  add("head", weights_->head);
  return lines;
}

}  // namespace transom::model
