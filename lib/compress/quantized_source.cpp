// SPDX-License-Identifier: Apache-2.0
#include "compress/quantized_source.h"

#include "io/json.h"

namespace transom::compress {

QuantizedSource::QuantizedSource(std::shared_ptr<model::WeightSource> floats,
                                 const ModelQuantizerOptions& options)
    : floats_(std::move(floats)),
      options_(options.matrix),
      quantization_(model::parse_checkpoint_quantization(
          io::Json::parse(quantization_config(options), "quantised in memory"), "quantised in memory")) {}

std::optional<io::StoredTensor> QuantizedSource::find(const std::string& name,
                                                      const std::vector<std::int64_t>& shape) {
  const auto found = packed_.find(name);
  return found == packed_.end() ? floats_->find(name, shape) : std::optional(found->second.tensor);
}

void QuantizedSource::release(const io::StoredTensor& tensor) {
  if (packed_.erase(tensor.name) == 0) floats_->release(tensor);
}

void QuantizedSource::keep(std::int64_t /*layer*/, std::vector<QuantizedPart> parts) {
  for (const QuantizedPart& part : parts) {
    for (OwnedTensor& tensor : pack_part(part, options_.grid)) {
      const std::string name = tensor.tensor.name;
      packed_.emplace(name, std::move(tensor));
    }
  }
}

}  // namespace transom::compress
