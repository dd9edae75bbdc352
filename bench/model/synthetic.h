// SPDX-License-Identifier: Apache-2.0
/// Models of true shapes with random weights: speed without a download.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "model/weights/weight_source.h"

namespace transom::bench {

/// The config.json of a named shape. @throws InvalidArgument listing the names.
std::string synthetic_config(std::string_view name);

/// Random tensors: uniform values of standard deviation 0.02, norms of ones, biases of zeros. Each tensor is
/// made when it is asked for and freed when it is released; the embedding lies in a mapped file, as that of a
/// checkpoint does.
class SyntheticSource final : public model::WeightSource {
 public:
  explicit SyntheticSource(DType dtype) : dtype_(dtype) {}
  std::optional<io::StoredTensor> find(const std::string& name,
                                       const std::vector<std::int64_t>& shape) override;
  void release(const io::StoredTensor& tensor) override { storage_.erase(tensor.name); }
  std::string describe() const override { return "synthetic"; }
  std::int64_t total_bytes() const override { return 0; }

 private:
  const io::MappedFile& embedding(const std::string& name, std::size_t bytes);

  DType dtype_;
  std::map<std::string, std::vector<std::byte>> storage_;
  std::unique_ptr<io::MappedFile> embedding_;
};

}  // namespace transom::bench
