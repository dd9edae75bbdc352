// SPDX-License-Identifier: Apache-2.0
#include "model/weights/tensor_reader.h"

#include "core/count.h"
#include "core/float_convert.h"

namespace transom::model {

using io::StoredTensor;

StoredTensor TensorReader::require(const std::string& name, const Shape& shape) {
  return require_tensor(source_, name, shape,
                        {DType::f32, DType::f16, DType::bf16, DType::f64, DType::f8_e4m3, DType::f8_e5m2});
}

std::vector<float> TensorReader::read_vector(const std::string& name, std::int64_t n) {
  const StoredTensor tensor = require(name, {n});
  std::vector<float> values(core::count(n));
  core::to_float(tensor.dtype, tensor.bytes.data(), values);
  finish(tensor);
  return values;
}

void TensorReader::finish(const StoredTensor& tensor) {
  bytes_done_ += static_cast<std::int64_t>(tensor.bytes.size());
  source_.release(tensor);
  if (progress_ && !progress_(tensor.name, bytes_done_)) throw Cancelled{};
}

}  // namespace transom::model
