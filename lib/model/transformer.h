// SPDX-License-Identifier: Apache-2.0
/// A decoder-only transformer: spec, weights and the devices that they lie on. Immutable and shared by all
/// sequences.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "model/placement.h"
#include "model/spec.h"
#include "model/weights/weight_source.h"
#include "model/weights/weights.h"

namespace transom::model {

class Transformer {
 public:
  Transformer(ModelSpec spec, std::unique_ptr<ModelWeights> weights, std::shared_ptr<WeightSource> source,
              Placement placement);

  const ModelSpec& spec() const { return spec_; }
  const ModelWeights& weights() const { return *weights_; }
  const Placement& placement() const { return placement_; }
  DType kv_dtype() const;
  /// dst[t] = embedding of ids[t]. A table in a mapped file is let go now and then: each row that is read
  /// brings its neighbours into memory, and a long text would end with all of them.
  void embed(std::span<const std::int32_t> ids, const TensorView& dst) const;
  /// A line per kind of linear layer: its kernels, and why others were not chosen.
  std::vector<std::string> kernel_choices() const;

 private:
  ModelSpec spec_;
  Placement placement_;                   // first: weights may need devices to die after them
  std::shared_ptr<WeightSource> source_;  // the embedding may lie in its mapped file
  std::unique_ptr<ModelWeights> weights_;
  mutable std::atomic<std::size_t> rows_read_{0};  // of a mapped embedding, since it was let go
};

}  // namespace transom::model
