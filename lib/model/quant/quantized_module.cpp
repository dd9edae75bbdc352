// SPDX-License-Identifier: Apache-2.0
#include "model/quant/quantized_module.h"

#include <algorithm>
#include <cmath>

#include "core/checks.h"
#include "core/count.h"
#include "core/float_convert.h"
#include "model/quant/checkpoint_quantization.h"
#include "model/weights/tensor_checks.h"
#include "transom/error.h"

namespace transom::model {

using core::count;
using core::message;
using io::StoredTensor;

std::optional<QuantizedModule> find_quantized_module(WeightSource& source, const ModulePlace& place) {
  const CheckpointQuantization* const quantization = source.quantization();
  if (quantization == nullptr) return std::nullopt;
  const auto has = [&](const char* ending) { return source.find(place.name + ending, {}).has_value(); };
  if (quantization->method != CheckpointMethod::compressed_tensors) {
    if (!has(".qweight")) return std::nullopt;
    const ModuleScheme& scheme = quantization->scheme_of(place.name);
    return quantization->method == CheckpointMethod::awq
               ? read_awq(source, place, scheme)
               : read_gptq(source, place, scheme, quantization->plain_zeros);
  }
  if (has(".weight_packed"))
    return read_compressed_packed(source, place, quantization->scheme_of(place.name));
  const auto weight = source.find(place.name + ".weight", {});
  if (!weight || weight->dtype != DType::i8) return std::nullopt;
  return read_compressed_int8(source, place, quantization->scheme_of(place.name));
}

backend::IntegerFormat integer_format(const WeightSource& source, const ModulePlace& place,
                                      const ModuleScheme& scheme) {
  backend::IntegerFormat format;
  format.bits = scheme.bits;
  if (scheme.group_size < 0 || scheme.group_size >= place.cols) return format;
  if (scheme.group_size % 32 != 0) {
    throw UnsupportedError(message(source.describe(), ": module \"", place.name, "\": groups of ",
                                   scheme.group_size,
                                   " inputs are not supported (whole rows and multiples of 32 are)"));
  }
  format.group_size = scheme.group_size;
  return format;
}

std::vector<std::int32_t> order_by_group(const WeightSource& source, const StoredTensor& group_of,
                                         const backend::IntegerFormat& format) {
  const std::int64_t cols = group_of.shape[0], groups = format.groups(cols);
  const std::int64_t size = format.group_size == 0 ? cols : format.group_size;
  std::vector<std::int64_t> next(count(groups));  // where the next input of each group goes
  for (std::int64_t g = 0; g < groups; ++g) next[count(g)] = g * size;
  std::vector<std::int32_t> order(count(cols));
  bool moved = false;
  for (std::int64_t i = 0; i < cols; ++i) {
    const auto g = core::load_unaligned<std::int32_t>(group_of.bytes.data() + 4 * i);
    if (g < 0 || g >= groups) {
      refuse_tensor(source, group_of,
                    message("groups from 0 to ", groups - 1, ", found ", g, " for input ", i));
    }
    const std::int64_t position = next[count(g)]++;
    if (position >= std::min((g + 1) * size, cols)) {
      refuse_tensor(source, group_of,
                    message(size, " inputs a group and fewer in the last, found more in group ", g));
    }
    order[count(position)] = static_cast<std::int32_t>(i);
    moved = moved || position != i;
  }
  if (!moved) order.clear();
  return order;
}

void check_scales(const WeightSource& source, const StoredTensor& scales) {
  const std::int64_t elements = scales.elements();
  for (std::int64_t i = 0; i < elements; ++i) {
    const float scale = float_at(scales, i);
    if (!std::isfinite(scale)) {
      refuse_tensor(source, scales, message("finite scales, found ", scale, " at element ", i));
    }
  }
}

float float_at(const StoredTensor& tensor, std::int64_t index) {
  float value = 0;
  core::to_float(tensor.dtype, tensor.bytes.data() + count(index) * dtype_size(tensor.dtype), {&value, 1});
  return value;
}

}  // namespace transom::model
