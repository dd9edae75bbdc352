// SPDX-License-Identifier: Apache-2.0
#include "model/weights/weight_source.h"

#include <utility>

namespace transom::model {

CheckpointSource::CheckpointSource(std::shared_ptr<const io::Checkpoint> checkpoint)
    : checkpoint_(std::move(checkpoint)),
      quantization_(read_checkpoint_quantization(checkpoint_->directory())) {}

std::optional<io::StoredTensor> CheckpointSource::find(const std::string& name,
                                                       const std::vector<std::int64_t>&) {
  const io::StoredTensor* tensor = checkpoint_->find(name);
  return tensor == nullptr ? std::nullopt : std::optional(*tensor);
}

void CheckpointSource::release(const io::StoredTensor& tensor) {
  if (tensor.file != nullptr) tensor.file->release_pages(tensor.bytes);
}

}  // namespace transom::model
