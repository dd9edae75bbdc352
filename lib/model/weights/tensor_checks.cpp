// SPDX-License-Identifier: Apache-2.0
#include "model/weights/tensor_checks.h"

#include <algorithm>

#include "core/checks.h"
#include "transom/error.h"

namespace transom::model {

using core::message;

namespace {

std::string expected_text(const Shape& shape, std::initializer_list<DType> dtypes) {
  std::string text;
  for (const DType dtype : dtypes) text += (text.empty() ? "" : " or ") + std::string(dtype_name(dtype));
  return text + " " + shape_text(shape);
}

}  // namespace

std::string shape_text(const Shape& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + "]";
}

void refuse_tensor(const WeightSource& source, const io::StoredTensor& tensor, const std::string& expected) {
  const std::string where = tensor.file == nullptr ? source.describe() : tensor.file->path().string();
  throw FormatError(message(where, ": tensor \"", tensor.name, "\": expected ", expected));
}

void check_tensor(const WeightSource& source, const io::StoredTensor& tensor, const Shape& shape,
                  std::initializer_list<DType> dtypes) {
  if (tensor.shape != shape) {
    refuse_tensor(source, tensor, message("shape ", shape_text(shape), ", found ", tensor.describe()));
  }
  if (std::find(dtypes.begin(), dtypes.end(), tensor.dtype) == dtypes.end()) {
    refuse_tensor(source, tensor, message(expected_text(shape, dtypes), ", found ", tensor.describe()));
  }
}

io::StoredTensor require_tensor(WeightSource& source, const std::string& name, const Shape& shape,
                                std::initializer_list<DType> dtypes) {
  auto tensor = source.find(name, shape);
  if (!tensor) {
    throw FormatError(message(source.describe(), ": tensor \"", name, "\" is missing; expected ",
                              expected_text(shape, dtypes)));
  }
  check_tensor(source, *tensor, shape, dtypes);
  return *tensor;
}

}  // namespace transom::model
