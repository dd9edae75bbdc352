// SPDX-License-Identifier: Apache-2.0
/// What the model expects of stored tensors, with errors that name file, tensor, expected and found.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "io/safetensors.h"
#include "model/weights/weight_source.h"

namespace transom::model {

using Shape = std::vector<std::int64_t>;

/// "[4096, 11008]"
std::string shape_text(const Shape& shape);

/// @throws FormatError for a tensor that is not as `expected`.
[[noreturn]] void refuse_tensor(const WeightSource& source, const io::StoredTensor& tensor,
                                const std::string& expected);

/// @throws FormatError when shape or dtype are others.
void check_tensor(const WeightSource& source, const io::StoredTensor& tensor, const Shape& shape,
                  std::initializer_list<DType> dtypes);

/// The tensor of this name. @throws FormatError when it is missing, or its shape or dtype are others.
io::StoredTensor require_tensor(WeightSource& source, const std::string& name, const Shape& shape,
                                std::initializer_list<DType> dtypes);

}  // namespace transom::model
