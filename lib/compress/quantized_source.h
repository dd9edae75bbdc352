// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <unordered_map>

#include "compress/gptq_file.h"
#include "compress/model_quantizer.h"

namespace transom::compress {

/// A checkpoint of floats whose matrices were quantised in memory: finds them as GPTQ files store them, and
/// everything else where it was. Parts are let go when they have been read.
class QuantizedSource final : public model::WeightSource, public PartStore {
 public:
  QuantizedSource(std::shared_ptr<model::WeightSource> floats, const ModelQuantizerOptions& options);

  std::optional<io::StoredTensor> find(const std::string& name,
                                       const std::vector<std::int64_t>& shape) override;
  void release(const io::StoredTensor& tensor) override;
  std::string describe() const override { return floats_->describe(); }
  std::int64_t total_bytes() const override { return floats_->total_bytes(); }
  const model::CheckpointQuantization* quantization() const override { return &quantization_; }

  std::optional<std::vector<QuantizedPart>> find(std::int64_t /*layer*/) override { return std::nullopt; }
  void keep(std::int64_t layer, std::vector<QuantizedPart> parts) override;

 private:
  std::shared_ptr<model::WeightSource> floats_;
  MatrixOptions options_;
  model::CheckpointQuantization quantization_;
  std::unordered_map<std::string, OwnedTensor> packed_;
};

}  // namespace transom::compress
