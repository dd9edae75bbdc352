// SPDX-License-Identifier: Apache-2.0
#include "model/weights/linear_loader.h"

#include <algorithm>
#include <utility>

#include "core/checks.h"
#include "core/count.h"
#include "core/float_convert.h"
#include "transom/error.h"

namespace transom::model {

using core::message;
using io::StoredTensor;

namespace {

bool packs_directly(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16;
}

/// The rows of one stored weight. Dtypes that the packing kernels do not take are converted to f32 first; the
/// converted copy lives until the linear layer is prepared.
backend::WeightRows rows_of(const StoredTensor& tensor, bool as_f32,
                            std::vector<std::vector<float>>& converted) {
  backend::WeightRows rows;
  rows.dtype = tensor.dtype;
  rows.data = tensor.bytes.data();
  rows.rows = tensor.shape[0];
  if (packs_directly(tensor.dtype) && !(as_f32 && tensor.dtype != DType::f32)) return rows;
  std::vector<float>& values = converted.emplace_back(core::count(tensor.elements()));
  core::to_float(tensor.dtype, tensor.bytes.data(), values);
  rows.dtype = DType::f32;
  rows.data = reinterpret_cast<const std::byte*>(values.data());
  return rows;
}

}  // namespace

backend::IntegerFormat integers_on_load(const Quantization& quantization) {
  backend::IntegerFormat format;
  format.bits = quantization.bits;
  format.group_size = quantization.group_size;
  if (format.group_size == 0) format.group_size = quantization.bits == 8 ? 64 : 32;
  if (format.group_size < 0) format.group_size = 0;
  format.scale_dtype = DType::f16;  // as files store them: what was loaded can be saved
  return format;
}

LinearLayer LinearLoader::load(const std::vector<Part>& parts, std::int64_t cols, bool bias,
                               backend::Backend& device) {
  std::vector<Stored> stored;
  for (const Part& part : parts) stored.push_back(find(part, cols));
  const QuantizedModule* const first = stored.front().integers ? &*stored.front().integers : nullptr;
  const bool alike = std::all_of(stored.begin(), stored.end(), [&](const Stored& other) {
    if (first == nullptr || !other.integers) return first == nullptr && !other.integers;
    return other.integers->format == first->format && other.integers->input_order == first->input_order;
  });
  LinearLayer layer;
  std::vector<const Stored*> stacked;
  for (const Stored& part : stored) {
    stacked.push_back(&part);
    if (alike && stacked.size() < stored.size()) continue;
    layer.parts.push_back(prepare(stacked, cols, bias, device));
    stacked.clear();
  }
  bytes_ += layer.bytes();
  return layer;
}

LinearLoader::Stored LinearLoader::find(const Part& part, std::int64_t cols) {
  Stored stored;
  stored.part = part;
  stored.integers = find_quantized_module(tensors_.source(), {part.name, part.rows, cols});
  if (!stored.integers) stored.floats = tensors_.require(part.name + ".weight", {part.rows, cols});
  parameters_ += part.rows * cols;
  return stored;
}

std::unique_ptr<backend::PreparedLinear> LinearLoader::prepare(const std::vector<const Stored*>& stacked,
                                                               std::int64_t cols, bool bias,
                                                               backend::Backend& device) {
  backend::LinearWeights linear;
  linear.name = stacked.front()->part.name;
  linear.cols = cols;
  linear.activations = spec_.activations;
  std::vector<std::vector<float>> converted;
  if (const auto& first = stacked.front()->integers) {
    linear.format = backend::WeightFormat::integer;
    linear.integers = first->format;
    linear.input_order = first->input_order;
    sixteen_bit_ = true;
    for (const Stored* part : stacked) {
      backend::WeightRows& rows = linear.parts.emplace_back();
      rows.rows = part->part.rows;
      rows.integers = part->integers->reader;
    }
  } else {
    add_floats(stacked, linear, converted);
  }
  for (const Stored* part : stacked) {
    if (!bias) break;
    const std::vector<float> values = tensors_.read_vector(part->part.name + ".bias", part->part.rows);
    linear.bias.insert(linear.bias.end(), values.begin(), values.end());
    parameters_ += part->part.rows;
  }
  auto prepared = device.prepare_linear(linear);
  for (const Stored* part : stacked) {
    if (!part->integers) tensors_.finish(part->floats);
    if (!part->integers) continue;
    for (const StoredTensor& tensor : part->integers->tensors) tensors_.finish(tensor);
  }
  return prepared;
}

void LinearLoader::add_floats(const std::vector<const Stored*>& stacked, backend::LinearWeights& linear,
                              std::vector<std::vector<float>>& converted) {
  const DType first = stacked.front()->floats.dtype;
  const bool mixed = std::any_of(stacked.begin(), stacked.end(),
                                 [&](const Stored* part) { return part->floats.dtype != first; });
  linear.format = format_of(first);
  linear.integers = integers_on_load(spec_.quantization);
  sixteen_bit_ = sixteen_bit_ || dtype_size(first) <= 2 || linear.format == backend::WeightFormat::integer;
  converted.reserve(stacked.size());
  for (const Stored* part : stacked) linear.parts.push_back(rows_of(part->floats, mixed, converted));
}

backend::WeightFormat LinearLoader::format_of(DType stored) const {
  const bool narrow = dtype_size(stored) < 2 || stored == DType::bf16;
  if (spec_.quantization.bits > 0) return backend::WeightFormat::integer;
  if (spec_.dtype == WeightDType::f32) return backend::WeightFormat::f32;
  if (spec_.dtype == WeightDType::bf16 || narrow) return backend::WeightFormat::bf16;
  return backend::WeightFormat::f32;  // f32, f64, and f16, which bf16 could not hold
}

}  // namespace transom::model
