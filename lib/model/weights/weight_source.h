// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/safetensors.h"
#include "model/quant/checkpoint_quantization.h"

namespace transom::model {

/// Where weights come from: a checkpoint, or random numbers for benchmarks.
class WeightSource {
 public:
  virtual ~WeightSource() = default;
  /// The tensor of this name, or nothing. The shape is what the model expects; a source that makes its
  /// tensors uses it, a checkpoint ignores it. The bytes stay valid until release() is called, or as long as
  /// the source lives when it never is.
  virtual std::optional<io::StoredTensor> find(const std::string& name,
                                               const std::vector<std::int64_t>& shape) = 0;
  /// The bytes were read and will not be again.
  virtual void release(const io::StoredTensor& tensor) = 0;
  /// What to call the whole in messages: a file.
  virtual std::string describe() const = 0;
  /// For progress; 0 = unknown.
  virtual std::int64_t total_bytes() const = 0;
  /// How modules that are stored as integers are to be read; null when all are floats.
  virtual const CheckpointQuantization* quantization() const { return nullptr; }
};

/// Tensors of a checkpoint, zero copy.
class CheckpointSource final : public WeightSource {
 public:
  /// Also reads how the checkpoint is quantised, from the configuration beside it.
  explicit CheckpointSource(std::shared_ptr<const io::Checkpoint> checkpoint);
  std::optional<io::StoredTensor> find(const std::string& name,
                                       const std::vector<std::int64_t>& shape) override;
  void release(const io::StoredTensor& tensor) override;
  /// The single file, or the index of the shards.
  std::string describe() const override {
    return (checkpoint_->directory() / checkpoint_->file_names().back()).string();
  }
  std::int64_t total_bytes() const override { return checkpoint_->total_bytes(); }
  const CheckpointQuantization* quantization() const override {
    return quantization_ ? &*quantization_ : nullptr;
  }

 private:
  std::shared_ptr<const io::Checkpoint> checkpoint_;
  std::optional<CheckpointQuantization> quantization_;
};

}  // namespace transom::model
