// SPDX-License-Identifier: Apache-2.0
/// Quantises a model layer by layer.
///
/// With GPTQ the calibration tokens walk through the model beside the quantiser. Each linear layer of a block
/// (query, key and value; output; gate and up; down) is quantised on what it reads from the layers before it
/// as they are after quantising, and what follows reads what it then gives. One layer's floats are in memory
/// at a time, and the activations of all tokens, or a scratch file with them.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "compress/quantized_matrix.h"
#include "model/family.h"
#include "model/weights/weight_names.h"
#include "model/weights/weight_source.h"

namespace transom::compress {

enum class Method { gptq, rtn };

/// One matrix of the model after quantising.
struct QuantizedPart {
  std::string name;  // without ".weight"
  QuantizedMatrix matrix;
  // With GPTQ; see compress/gptq.h. Rounding to nearest sees no inputs: its output_error is that of the
  // weights.
  double loss = 0, output_error = 0, damping = 0;
};

/// Where finished layers go, and come from when an earlier run has finished them.
class PartStore {
 public:
  virtual ~PartStore() = default;
  /// The parts of a layer, or nothing when it is not finished. The head counts as the layer behind the last.
  virtual std::optional<std::vector<QuantizedPart>> find(std::int64_t layer) = 0;
  virtual void keep(std::int64_t layer, std::vector<QuantizedPart> parts) = 0;
};

struct ModelQuantizerOptions {
  MatrixOptions matrix;
  Method method = Method::gptq;
  bool head = false;            // the head too
  std::filesystem::path spill;  // folder for activations; empty: they stay in memory
  int threads = 0;              // of the quantiser's own work; 0 = all cores
};

/// What is to be quantised. The token ids are equally long texts, [sequences, length]; unused without GPTQ.
struct QuantizerInput {
  const model::ModelSpec& spec;
  const model::WeightNames& names;
  model::WeightSource& source;
  std::span<const std::int32_t> ids;
  std::int64_t sequence_length = 0;
};

/// Called after each matrix, and after each layer that was finished before (all its parts); false cancels.
using PartProgress = std::function<bool(const QuantizedPart& part, std::int64_t layer)>;

/// @return False when `progress` cancelled; finished layers are in the store.
/// @throws FormatError for a checkpoint that is not the model, and for activations that are no numbers.
bool quantize_model(const QuantizerInput& input, const ModelQuantizerOptions& options,
                    backend::Backend& backend, PartStore& store, const PartProgress& progress);

/// Matrices that will be quantised.
std::int64_t count_parts(const model::ModelSpec& spec, bool head);

}  // namespace transom::compress
