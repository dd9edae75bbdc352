// SPDX-License-Identifier: Apache-2.0
/// A decoder-only transformer: spec, weights and backend. Immutable and shared by all sequences.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "model/spec.h"
#include "model/weights.h"

namespace transom::model {

class Transformer {
 public:
  Transformer(ModelSpec spec, std::unique_ptr<ModelWeights> weights, std::shared_ptr<WeightSource> source,
              std::shared_ptr<backend::Backend> backend);

  const ModelSpec& spec() const { return spec_; }
  const ModelWeights& weights() const { return *weights_; }
  backend::Backend& backend() const { return *backend_; }
  DType kv_dtype() const;
  /// A line per kind of linear layer: its kernels, and why others were not chosen.
  std::vector<std::string> kernel_choices() const;

 private:
  ModelSpec spec_;
  std::shared_ptr<backend::Backend> backend_;  // first: weights may need it to die after them
  std::shared_ptr<WeightSource> source_;       // the embedding may lie in its mapped file
  std::unique_ptr<ModelWeights> weights_;
};

}  // namespace transom::model
