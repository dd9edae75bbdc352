// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "model/quant/module_scheme.h"
#include "model/weights/weight_source.h"

namespace transom::model {

/// A linear module of a checkpoint that is already quantised. Offsets, packing orders and permutations of the
/// file format end here: what the reader yields is in the canonical form of backend::IntegerFormat.
struct QuantizedModule {
  backend::IntegerFormat format;
  std::vector<std::int32_t> input_order;  // as in backend::LinearWeights
  backend::IntegerReader reader;          // valid as long as the source
  std::vector<io::StoredTensor> tensors;  // what it reads; released when it has been read
};

/// Which module is meant, and what the model expects of it.
struct ModulePlace {
  std::string name;  // "model.layers.0.mlp.up_proj"
  std::int64_t rows = 0, cols = 0;
};

/// The module, when the checkpoint stores it as integers; nothing when it stores floats, or no such module.
/// @throws FormatError for tensors that make no such module, UnsupportedError for what is legal and not
/// served.
std::optional<QuantizedModule> find_quantized_module(WeightSource& source, const ModulePlace& place);

// One reader a format; each is called when the module's main tensor exists.
QuantizedModule read_gptq(WeightSource& source, const ModulePlace& place, const ModuleScheme& scheme,
                          bool plain_zeros);
QuantizedModule read_awq(WeightSource& source, const ModulePlace& place, const ModuleScheme& scheme);
QuantizedModule read_compressed_packed(WeightSource& source, const ModulePlace& place,
                                       const ModuleScheme& scheme);
QuantizedModule read_compressed_int8(WeightSource& source, const ModulePlace& place,
                                     const ModuleScheme& scheme);

// What the readers share.

/// The format of a module with this scheme, its zero points and scales still to be told.
/// @throws UnsupportedError for groups that the backend does not know.
backend::IntegerFormat integer_format(const WeightSource& source, const ModulePlace& place,
                                      const ModuleScheme& scheme);

/// Order of the inputs in which the groups become contiguous, from the group of each input (I32 [cols]);
/// empty when they are already. @throws FormatError when a group has another size than the format says.
std::vector<std::int32_t> order_by_group(const WeightSource& source, const io::StoredTensor& group_of,
                                         const backend::IntegerFormat& format);

/// @throws FormatError when a scale is infinite or no number. Zero and negative ones mean what they say.
void check_scales(const WeightSource& source, const io::StoredTensor& scales);

/// Element `index` of a tensor of floats.
float float_at(const io::StoredTensor& tensor, std::int64_t index);

}  // namespace transom::model
